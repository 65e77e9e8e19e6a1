import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../startup-error.ts'

/** What PostgreSQL writes into `postmaster.pid` (its `miscinit.h`, LOCK_FILE_LINE_*). */
export type PostmasterPid = {
  readonly pid: number
  readonly startedAtSeconds: number | undefined
  readonly port: number | undefined
  readonly ready: boolean
}

/** The content of `postmaster.pid`, or undefined when it is absent or not yet whole. */
export function findPostmasterPid(dataDir: string): PostmasterPid | undefined {
  try {
    return parsePostmasterPid(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

export function parsePostmasterPid(text: string): PostmasterPid | undefined {
  const lines = text.split('\n').map(line => line.trim())
  // A stand-alone backend writes its pid negated.
  const pid = Math.abs(Number(lines[0]))
  if (!Number.isInteger(pid) || pid < 2) return undefined
  return { pid, startedAtSeconds: positive(lines[2]), port: positive(lines[3]), ready: lines[7] === 'ready' }
}

/** Whether two readings are of the same run of a server. */
export function isSameRun(a: PostmasterPid | undefined, b: PostmasterPid | undefined): boolean {
  return a?.pid === b?.pid && a?.startedAtSeconds === b?.startedAtSeconds
}

function positive(text: string | undefined): number | undefined {
  const value = Number(text)
  return Number.isInteger(value) && value > 0 ? value : undefined
}
