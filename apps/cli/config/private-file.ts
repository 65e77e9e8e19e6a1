// Files that hold secrets: written whole or not at all, 0600, in folders that nobody else may enter; read only while nobody else
// may read them.

import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { CliError, systemCode } from '../cli-error.ts'

/** Writes `text` to `path` with mode 0600, atomically. Folders that are missing are made with 0700. */
export function writePrivateFile(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
    const fd = openSync(draft, 'wx', 0o600)
    try {
      writeSync(fd, text)
      fsyncSync(fd)
    } catch (error) {
      rmSync(draft, { force: true })
      throw error
    } finally {
      closeSync(fd)
    }
    renameSync(draft, path)
  } catch (error) {
    throw new CliError({
      what: `${path} cannot be written.`,
      why: `The system says ${systemCode(error) ?? 'no'}.`,
      next: 'Free space, or choose a folder that you may write to.',
    })
  }
}

/**
 * The text of a file, or undefined where there is none. Throws a CliError where others than its owner may read it: it may have
 * leaked, so it is not used silently.
 */
export function findPrivateFile(path: string): string | undefined {
  try {
    const mode = statSync(path).mode
    if ((mode & 0o077) === 0) return readFileSync(path, 'utf8')
    throw new CliError({
      what: `${path} can be read or written by other users.`,
      why: `Its mode is ${(mode & 0o777).toString(8)}; it holds credentials and was written with 600.`,
      next: `If you are sure that nobody read it: chmod 600 '${path}'. Otherwise replace the credentials in it.`,
    })
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    if (error instanceof CliError) throw error
    throw unreadable(path, error)
  }
}

/** The text of a file that a person named. Throws a CliError where it cannot be read. */
export function readNamedFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): CliError {
  const why = systemCode(error) === 'ENOENT' ? 'There is no such file.' : `The system says ${systemCode(error) ?? 'no'}.`
  return new CliError({ what: `${path} cannot be read.`, why, next: 'Correct the path, or its permissions.' })
}
