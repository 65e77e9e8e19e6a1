import { randomBytes } from 'node:crypto'
import { closeSync, fchmodSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { StartupError, systemCode } from './startup-error.ts'

/**
 * Writes `text` to `path` with mode 0600, whole or not at all: a new file, synced, renamed over the old one, and the folder
 * synced, so that neither a crash nor a power cut leaves half a secret.
 */
export function writeSecretFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  const fd = openSync(draft, 'wx', 0o600)
  try {
    fchmodSync(fd, 0o600)
    writeSync(fd, text)
    fsyncSync(fd)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
  renameSync(draft, path)
  syncFolder(dirname(path))
}

/**
 * The text of a secret file, or undefined when there is none.
 * @throws StartupError when others than its owner may read it: it may have leaked, so it is not used silently.
 */
export function findSecretFile(path: string): string | undefined {
  let mode: number
  try {
    mode = statSync(path).mode
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  if (mode & 0o077) {
    throw new StartupError({
      what: `The secret file ${path} can be read or written by other users.`,
      why: `Its mode is ${(mode & 0o777).toString(8)}; Mayfly writes secrets with 600, so something changed it and it may have leaked.`,
      remedy: `If you are sure that nobody read it: chmod 600 '${path}'. Otherwise replace the secret.`,
    })
  }
  return readFileSync(path, 'utf8')
}

/** The secret in `path`, or a new one from `make`, which is written before it is returned. */
export function getOrCreateSecretFile(path: string, make: () => string): string {
  const found = findSecretFile(path)
  if (found !== undefined && found !== '') return found
  const made = make()
  writeSecretFile(path, made)
  return made
}

/** Makes renames and new names inside a folder durable. */
export function syncFolder(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
