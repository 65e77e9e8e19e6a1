// What may come next after the words so far. The shells' scripts ask for it, so a new command completes without a new script.

import type { Command, Option } from '../command.ts'
import { everywhere } from '../parse-words.ts'

/** words: those before the one being typed; partial: that one, '' where nothing is typed yet. Empty: let the shell offer files. */
export function complete(commands: readonly Command[], words: readonly string[], partial: string): string[] {
  const { path, isLost } = commandWords(commands, words)
  const command = commands.find(({ name }) => name === path.join(' '))
  const awaiting = optionOf(command, words.at(-1))
  const candidates = awaiting?.type === 'string' ? (awaiting.choices ?? []) : nextOf(commands, path, partial)
  return isLost ? [] : [...new Set(candidates)].filter(candidate => candidate.startsWith(partial)).sort()
}

/** The words that are a command or the beginning of one. isLost: another word came before there was a command. */
function commandWords(commands: readonly Command[], words: readonly string[]) {
  const path: string[] = []
  for (const [at, word] of words.entries()) {
    const isValue = optionOf(undefined, words[at - 1])?.type === 'string'
    if (word.startsWith('-') || isValue) continue
    const next = [...path, word].join(' ')
    if (commands.some(({ name }) => name === next || name.startsWith(`${next} `))) path.push(word)
    else return { path, isLost: !commands.some(({ name }) => name === path.join(' ')) }
  }
  return { path, isLost: false }
}

function nextOf(commands: readonly Command[], path: readonly string[], partial: string): string[] {
  const prefix = path.map(word => `${word} `).join('')
  const command = commands.find(({ name }) => name === path.join(' '))
  if (partial.startsWith('-')) return Object.keys({ ...command?.options, ...everywhere }).map(name => `--${name}`)
  return commands.filter(({ name }) => name.startsWith(prefix)).map(({ name }) => name.slice(prefix.length).split(' ')[0]!)
}

function optionOf(command: Command | undefined, word: string | undefined): Option | undefined {
  if (!word?.startsWith('-')) return undefined
  const options = Object.entries({ ...command?.options, ...everywhere })
  return options.find(([name, { short }]) => word === `--${name}` || (short !== undefined && word === `-${short}`))?.[1]
}
