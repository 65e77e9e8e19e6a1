// One process per state folder. The lock is one that the kernel holds for the process (SQLite's exclusive file lock, which
// Node carries with it): it ends with the process, however that dies, so there is never a stale lock to judge and no race of
// two who both take one over. The file beside it only tells whom to ask.
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartupError } from './startup-error.ts'

const SQLITE_BUSY = 5

/** Releases the lock. */
export type ReleaseLock = () => void

/**
 * Takes the lock of a state folder for this process.
 * @throws StartupError naming the holder's pid when another process has it.
 */
export function lockFolder(dir: string): ReleaseLock {
  const holderFile = join(dir, 'lock.json')
  const lockFile = join(dir, 'lock')
  closeSync(openSync(lockFile, 'a', 0o600))
  const database = new DatabaseSync(lockFile, { timeout: 0 })
  try {
    database.exec('PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw error
    const holder = findHolder(holderFile)
    throw new StartupError({
      what: `Mayfly already runs on the state folder ${dir}${holder ? ` (process ${holder})` : ''}.`,
      why: 'Two of them would write the same database and keys.',
      remedy: `Use the running one, or stop it${holder ? ` (kill ${holder})` : ''}, or set MAYFLY_STATE_DIR to another folder.`,
      cause: error,
    })
  }
  writeFileSync(holderFile, `${JSON.stringify({ pid: process.pid })}\n`, { mode: 0o600 })
  return () => database.close()
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}

function findHolder(path: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(path, 'utf8'))
    return typeof pid === 'number' ? pid : undefined
  } catch {
    return undefined
  }
}
