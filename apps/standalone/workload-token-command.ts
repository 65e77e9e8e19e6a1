// How a program gets a workload token of the demo agent: what a CI job would find in its environment. As a command for
// programs, and as a small script in the state folder for people.

import { chmodSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { StateFolder } from './state-folder.ts'

const program = fileURLToPath(new URL('../idp/print-workload-token.ts', import.meta.url))

export interface WorkloadTokenRequest {
  readonly stateDir: string
  readonly subject: string
  readonly audience: string
  /** The run that speaks; another one is another instance of the agent. */
  readonly runId: string
}

/** Program and arguments, to be run without a shell. */
export function workloadTokenArguments({ stateDir, subject, audience, runId }: WorkloadTokenRequest): string[] {
  return [process.execPath, program, '--state', stateDir, '--sub', subject, '--aud', audience, '--run-id', runId]
}

/** The same as one line for a shell. */
export const workloadTokenCommand = (request: WorkloadTokenRequest): string =>
  workloadTokenArguments(request).map(quote).join(' ')

/** Writes the script, which holds no secret. One shell is one run, unless RUN_ID says otherwise. Returns its path. */
export function writeWorkloadTokenScript(state: StateFolder, request: Omit<WorkloadTokenRequest, 'stateDir' | 'runId'>): string {
  const words = workloadTokenArguments({ ...request, stateDir: state.dir, runId: '' })
    .slice(0, -1)
    .map(quote)
  const name = 'workload-token'
  state.writeSecret(name, `#!/bin/sh\nexec ${words.join(' ')} "\${RUN_ID:-shell-$PPID}" "$@"\n`)
  chmodSync(state.path(name), 0o700)
  return state.path(name)
}

const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
