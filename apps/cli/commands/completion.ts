import type { Command, Context } from '../command.ts'
import { complete } from '../completion/complete.ts'
import { type Shell, scripts, shells } from '../completion/scripts.ts'

const install: Readonly<Record<Shell, string>> = {
  bash: 'source <(mayfly completion bash)',
  zsh: 'source <(mayfly completion zsh)',
  fish: 'mayfly completion fish > ~/.config/fish/completions/mayfly.fish',
}

const scriptCommand = (shell: Shell): Command => ({
  name: `completion ${shell}`,
  summary: `Print the completion script for ${shell}`,
  about: 'The script asks mayfly itself what may come next. It needs a command "mayfly" in your PATH, not only npx.',
  examples: [{ text: 'to switch it on', command: install[shell] }],
  async run({ io }: Context) {
    io.out(scripts[shell])
  },
})

/** all: every command there is; a function, because these are among them. */
export const completionCommands = (all: () => readonly Command[]): readonly Command[] => [
  ...shells.map(scriptCommand),
  {
    name: 'completion words',
    summary: 'Print what may come next, for the scripts',
    arguments: [{ name: 'word', summary: 'the words so far, and last the one being typed', many: true, optional: true }],
    examples: [{ text: 'as the scripts call it', command: 'mayfly completion words -- agents li' }],
    async run({ io, words }: Context) {
      const found = complete(all(), words.slice(0, -1), words.at(-1) ?? '')
      io.out(found.map(word => `${word}\n`).join(''))
    },
  },
]
