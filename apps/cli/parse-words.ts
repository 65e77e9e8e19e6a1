// From the words that were typed to a command, its arguments and its flags.

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UsageError } from './cli-error.ts'
import type { Command, Flags, Option, Options } from './command.ts'
import { nearest } from './nearest.ts'

/** Flags that every command has. */
export const everywhere: Options = {
  profile: { type: 'string', value: 'NAME', summary: 'the profile to use instead of the current one' },
  json: { type: 'boolean', summary: 'JSON on stdout, errors as JSON on stderr' },
  help: { type: 'boolean', short: 'h', summary: 'this page' },
}

export interface Split {
  /** The words that were taken as the command's name. */
  readonly name: string
  readonly command: Command | undefined
  /** The others. */
  readonly rest: readonly string[]
}

/** Finds the command. Flags for everywhere may stand before it. Throws a UsageError for what is neither command nor group. */
export function splitWords(commands: readonly Command[], words: readonly string[]): Split {
  const before: string[] = []
  const name: string[] = []
  let at = 0
  for (; at < words.length; at += 1) {
    const word = words[at]!
    if (name.length === 0 && word === '--profile') {
      before.push(word, ...words.slice(at + 1, at + 2))
      at += 1
    } else if (word.startsWith('-')) {
      if (name.length > 0) break
      before.push(word)
    } else if (isKnown(commands, [...name, word].join(' '))) name.push(word)
    else if (commands.some(command => command.name === name.join(' '))) break
    else throw unknownWord(commands, name.join(' '), word)
  }
  const found = name.join(' ')
  const command = commands.find(each => each.name === found)
  return { name: found, command, rest: [...before, ...words.slice(at)] }
}

const isKnown = (commands: readonly Command[], name: string): boolean =>
  commands.some(command => command.name === name) || isGroup(commands, name)

/** Whether commands begin with this name. */
export const isGroup = (commands: readonly Command[], name: string): boolean =>
  commands.some(command => command.name.startsWith(`${name} `))

/** The words before `--`; what stands behind it is no flag. */
export function beforeEnd(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--')
  return end === -1 ? words : words.slice(0, end)
}

export function wantsHelp(words: readonly string[]): boolean {
  const flags = beforeEnd(words)
  return flags.includes('--help') || flags.includes('-h') || (words.length === 1 && words[0] === 'help')
}

export interface Parsed {
  readonly args: Readonly<Record<string, string>>
  readonly many: readonly string[]
  readonly values: ConstructorParameters<typeof Flags>[0]
}

/** Throws a UsageError for flags and arguments that the command does not have, or that it misses. */
export function parseWords(command: Command, rest: readonly string[]): Parsed {
  const options = { ...command.options, ...everywhere }
  const { values, positionals } = parseStrictly(command, options, rest)
  checkValues(command, options, values)
  return { ...argumentsOf(command, positionals), values }
}

function parseStrictly(command: Command, options: Options, rest: readonly string[]) {
  const config: ParseArgsConfig['options'] = Object.fromEntries(
    Object.entries(options).map(([name, { type, short, many }]) => [
      name,
      { type, ...(short && { short }), multiple: many === true },
    ]),
  )
  try {
    return parseArgs({ args: [...rest], options: config, allowPositionals: true, strict: true })
  } catch (error) {
    const [, flag] = /'(-[^' ]+)/.exec((error as Error).message) ?? []
    const close = flag && nearest(flag.replace(/^-+/, ''), Object.keys(options))
    throw new UsageError({
      what: (error as Error).message.split('. To specify')[0]!,
      ...(close && flag !== `--${close}` && { why: `Perhaps --${close} is meant.` }),
      next: `mayfly ${command.name} --help`,
    })
  }
}

function checkValues(command: Command, options: Options, values: Parsed['values']): void {
  const next = `mayfly ${command.name} --help`
  // A body from a file says what the flags would.
  const needed = Object.entries(options).filter(([, option]) => option.required && values['file'] === undefined)
  const missing = needed.filter(([name]) => values[name] === undefined).map(([name]) => `--${name}`)
  if (missing.length > 0) throw new UsageError({ what: `mayfly ${command.name} needs ${missing.join(' and ')}.`, next })
  for (const [name, option] of Object.entries(options)) checkChoice(name, option, values[name], next)
}

function checkChoice(name: string, { choices }: Option, value: Parsed['values'][string], next: string): void {
  const wrong = choices && [value].flat().find(each => typeof each === 'string' && !choices.includes(each))
  if (wrong) throw new UsageError({ what: `--${name} ${wrong} is none of ${choices.join(', ')}.`, next })
}

function argumentsOf(command: Command, positionals: readonly string[]): Pick<Parsed, 'args' | 'many'> {
  const wanted = command.arguments ?? []
  const next = `mayfly ${command.name} --help`
  const missing = wanted.filter(({ optional }, at) => !optional && positionals[at] === undefined)
  if (missing.length > 0) {
    throw new UsageError({ what: `mayfly ${command.name} needs ${missing.map(({ name }) => `<${name}>`).join(' ')}.`, next })
  }
  const takesAll = wanted.at(-1)?.many === true
  if (positionals.length > wanted.length && !takesAll) {
    throw new UsageError({ what: `mayfly ${command.name} takes no "${positionals[wanted.length]}".`, next })
  }
  const single = takesAll ? wanted.slice(0, -1) : wanted
  const pairs = single.flatMap(({ name }, at) => (positionals[at] === undefined ? [] : [[name, positionals[at]] as const]))
  return { args: Object.fromEntries(pairs), many: positionals.slice(single.length) }
}

function unknownWord(commands: readonly Command[], group: string, word: string): UsageError {
  const prefix = group === '' ? '' : `${group} `
  const words = commands.filter(({ name }) => name.startsWith(prefix)).map(({ name }) => name.slice(prefix.length).split(' ')[0]!)
  const close = nearest(word, [...new Set(words)])
  return new UsageError({
    what: `There is no command "mayfly ${prefix}${word}".`,
    ...(close && { why: `Perhaps "mayfly ${prefix}${close}" is meant.` }),
    next: `mayfly ${prefix}--help`,
  })
}
