// The world outside, as a command sees it: streams, terminal, environment, clock. Tests give one of their own.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline/promises'
import { addAbortSignal } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { CliError } from './cli-error.ts'

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder that relative paths start from. */
  readonly cwd: string
  readonly home: string
  /** Terminals, or pipes and files. */
  readonly terminal: { readonly in: boolean; readonly out: boolean; readonly err: boolean }
  /** Width of the terminal. */
  readonly columns: number
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
  /** Tells of each signal that would end this process, which then does not end by it; until what is returned is called. */
  onSignal(listener: (signal: StopSignal) => void): () => void
  out(text: string): void
  err(text: string): void
  nowMs(): number
  /** All of standard input. */
  readInput(): Promise<string>
  /** Asks on the terminal; the question goes to stderr. */
  ask(question: string): Promise<string>
  /** Shows a page in the person's browser, if there is one. Never fails: the address is told as well. */
  openUrl(url: string): void
}

/** What asks a process to end: Ctrl-C, a service manager, a terminal that was closed. */
export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'
const stopSignals: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The process's own. */
export function processIo(home: string, signal: AbortSignal): Io {
  return {
    env: process.env,
    cwd: process.cwd(),
    home,
    terminal: { in: process.stdin.isTTY === true, out: process.stdout.isTTY === true, err: process.stderr.isTTY === true },
    columns: process.stdout.columns || 80,
    signal,
    onSignal(listener) {
      for (const signal of stopSignals) process.on(signal, listener)
      return () => {
        for (const signal of stopSignals) process.off(signal, listener)
      }
    },
    out: text => void process.stdout.write(text),
    err: text => void process.stderr.write(text),
    nowMs: () => Date.now(),
    // Whoever presses Ctrl-C does not want to type on.
    readInput: () => readAll(addAbortSignal(signal, process.stdin)),
    openUrl,
    ask: question => ask(question, signal),
  }
}

/** No shell sees the address. */
function openUrl(url: string): void {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const child = spawn(program, [url], { stdio: 'ignore', detached: true })
  child.on('error', () => undefined)
  child.unref()
}

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const ended = new Promise<never>((_, reject) => {
    lines.once('close', () => reject(new CliError({ what: 'Nobody answered.', why: 'The input has ended.' })))
  })
  ended.catch(() => undefined)
  try {
    return await Promise.race([lines.question(question, { signal }), ended])
  } finally {
    lines.close()
  }
}
