// The command that `mayfly run` runs: as if it had been started directly. It has our terminal, gets our signals, and we end as it
// ended.
//
// Ctrl-C on a terminal reaches the whole foreground group, so the command has it already and must not get it twice. Elsewhere nobody
// but us got the signal. Whoever does not end by itself within the grace after the first signal is killed; a second signal kills
// at once.

import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { CliError, systemCode } from '../cli-error.ts'
import type { Io, StopSignal } from '../io.ts'

export interface ChildEnd {
  /** As a shell says it: the exit code, or 128 and the number of the signal that killed it. */
  readonly exitCode: number
  /** Nobody asked it to end, and no signal killed it. */
  readonly byItself: boolean
}

export interface ChildCommand {
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly graceMs: number
}

/** Resolves when the command has ended. Throws a CliError where it cannot be started. */
export function runChild(io: Io, { words, env, graceMs }: ChildCommand): Promise<ChildEnd> {
  const [program = '', ...rest] = words
  const child = spawn(program, rest, { stdio: 'inherit', cwd: io.cwd, env: env as NodeJS.ProcessEnv })
  return new Promise((resolve, reject) => {
    let asked = 0
    let killing: NodeJS.Timeout | undefined
    const stop = io.onSignal(signal => {
      asked += 1
      if (asked > 1) child.kill('SIGKILL')
      else if (!reachedChild(io, signal)) child.kill(signal)
      killing ??= setTimeout(() => child.kill('SIGKILL'), graceMs).unref()
    })
    const settle = (then: () => void): void => {
      stop()
      clearTimeout(killing)
      then()
    }
    child.once('error', error => {
      // What fails once it runs, a signal that cannot be sent, is told by how it ends.
      if (child.pid === undefined) settle(() => reject(notStarted(program, error)))
    })
    child.once('close', (code, signal) => settle(() => resolve(endOf(code, signal, asked))))
  })
}

const reachedChild = ({ terminal }: Io, signal: StopSignal): boolean => signal === 'SIGINT' && terminal.in

function endOf(code: number | null, signal: NodeJS.Signals | null, asked: number): ChildEnd {
  const exitCode = code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0)
  return { exitCode, byItself: asked === 0 && signal === null }
}

function notStarted(program: string, error: Error): CliError {
  const code = systemCode(error)
  return new CliError({
    what: `${program} cannot be started.`,
    why: code === 'ENOENT' ? 'There is no such program.' : `The system says ${code ?? 'no'}.`,
    next: 'mayfly run … -- PROGRAM ARGUMENTS; for a line of shell: -- sh -c "…"',
  })
}
