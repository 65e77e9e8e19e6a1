// `mayfly` as a person would type it, in this process: what the story says of a command, that command has said.

import type { Io } from '#apps/cli/io.ts'
import { UnexpectedOutcome } from './expect.ts'

export interface Typed {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

export interface Said {
  /** 0 done, 1 refused, or found something that does not hold. */
  readonly code: number
  /** What it printed with `--json`. */
  // biome-ignore lint/suspicious/noExplicitAny: each command has a form of its own
  readonly json: any
}

/** Runs `mayfly WORDS --json`. Without env it knows no broker. Throws UnexpectedOutcome where it says nothing but why it failed. */
export async function mayflyCommand(
  folder: string,
  words: readonly string[],
  { env = {}, input = '' }: Typed = {},
): Promise<Said> {
  const { runCli } = await import('#apps/cli/run-cli.ts')
  const said = { out: '', err: '' }
  const io: Io = {
    env,
    cwd: folder,
    home: folder,
    terminal: { in: false, out: false, err: false },
    columns: 100,
    signal: AbortSignal.timeout(30_000),
    onSignal: () => () => undefined,
    out: text => {
      said.out += text
    },
    err: text => {
      said.err += text
    },
    nowMs: () => Date.now(),
    readInput: async () => input,
    ask: () => Promise.reject(new UnexpectedOutcome(`mayfly ${words.join(' ')} asked something`)),
    openUrl: () => undefined,
  }
  const code = await runCli([...words, '--json'], io)
  try {
    return { code, json: JSON.parse(said.out) }
  } catch {
    throw new UnexpectedOutcome(`mayfly ${words.slice(0, 2).join(' ')}: ${said.err.trim() || `ended with ${code}`}`)
  }
}
