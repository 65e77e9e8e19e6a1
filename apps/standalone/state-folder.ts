// `.mayfly/`: everything that standalone mode keeps. Who holds a `StateFolder` holds its lock, so what needs the folder to
// itself (the database, above all) takes this type and cannot be called without it.
import { chmodSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { lockFolder } from './folder-lock.ts'
import { findSecretFile, getOrCreateSecretFile, syncFolder, writeSecretFile } from './secret-file.ts'
import { StartupError, systemCode } from './startup-error.ts'

/** Raised when a Mayfly can no longer read what an older one wrote, or the other way round. */
export const STATE_FORMAT = 1

/** An opened state folder. Names are relative paths inside it (`keys/kek`); folders on the way are made with mode 0700. */
export type StateFolder = {
  /** Absolute, symbolic links resolved. */
  readonly dir: string
  path(name: string): string
  /** Absolute path of a folder inside, made 0700 when missing. */
  folder(name: string): string
  findSecret(name: string): string | undefined
  writeSecret(name: string, text: string): void
  getOrCreateSecret(name: string, make: () => string): string
  /** Gives the folder free for another process. */
  release(): void
}

/**
 * Opens, or makes, the state folder and locks it for this process.
 * @throws StartupError when another process uses it, it is not ours to use, or a newer Mayfly wrote it.
 */
export function openStateFolder(path: string): StateFolder {
  const dir = makePrivateFolder(resolve(path))
  const release = lockFolder(dir)
  try {
    checkFormat(dir)
  } catch (error) {
    release()
    throw error
  }
  const inside = (name: string) => join(dir, name)
  const parentOf = (name: string) => {
    mkdirSync(join(dir, name, '..'), { recursive: true, mode: 0o700 })
    return inside(name)
  }
  return {
    dir,
    path: inside,
    folder(name) {
      mkdirSync(inside(name), { recursive: true, mode: 0o700 })
      return inside(name)
    },
    findSecret: name => findSecretFile(inside(name)),
    writeSecret: (name, text) => writeSecretFile(parentOf(name), text),
    getOrCreateSecret: (name, make) => getOrCreateSecretFile(parentOf(name), make),
    release,
  }
}

function makePrivateFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const dir = realpathSync(path)
    const { mode, uid } = statSync(dir)
    const me = process.getuid?.()
    if (me !== undefined && me !== 0 && uid !== me) throw notOurs(path, `it belongs to the user with id ${uid}`)
    if (mode & 0o077) chmodSync(dir, 0o700)
    return dir
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EACCES' || code === 'EPERM') throw notOurs(path, 'this user may not write there', error)
    if (code === 'EEXIST' || code === 'ENOTDIR') throw notOurs(path, 'there is a file in its place', error)
    if (code === 'EROFS' || code === 'ENOSPC')
      throw notOurs(path, code === 'EROFS' ? 'the file system is read-only' : 'the disk is full', error)
    throw error
  }
}

function notOurs(path: string, why: string, cause?: unknown): StartupError {
  return new StartupError({
    what: `Mayfly cannot use the state folder ${path}.`,
    why: `${why[0]?.toUpperCase()}${why.slice(1)}.`,
    remedy: 'Give this user the folder (chown), or set MAYFLY_STATE_DIR to a folder that this user may write.',
    cause,
  })
}

function checkFormat(dir: string): void {
  const file = join(dir, 'version.json')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    writeFileSync(file, `${JSON.stringify({ format: STATE_FORMAT })}\n`, { mode: 0o600 })
    syncFolder(dir)
    return
  }
  const format = parseFormat(text)
  if (format === STATE_FORMAT) return
  throw new StartupError({
    what: `The state folder ${dir} cannot be used by this version of Mayfly.`,
    why:
      format === undefined
        ? `${file} is damaged.`
        : `It has format ${format}; this version knows format ${STATE_FORMAT}, so a ${format > STATE_FORMAT ? 'newer' : 'much older'} Mayfly wrote it.`,
    remedy: 'Run the version of Mayfly that wrote it, or set MAYFLY_STATE_DIR to another folder for a fresh start.',
  })
}

function parseFormat(text: string): number | undefined {
  try {
    const format = JSON.parse(text)?.format
    return Number.isInteger(format) ? format : undefined
  } catch {
    return undefined
  }
}
