// The locked dependencies. A stamp with the lockfile's hash tells that they are there, so that a start with everything in place
// costs one hash and one comparison.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LauncherError, npmFailure } from './failure.js'
import { runNpm } from './npm.js'

const stampPath = root => join(root, 'node_modules', '.mayfly-stamp')

/** Whether what package-lock.json names is installed for this platform. */
export function dependenciesReady(root) {
  const wanted = stampOf(root)
  if (readOr(stampPath(root), '') === wanted) return true
  // Somebody who develops runs npm install by hand; what is right already is not installed again.
  if (!installedByHand(root)) return false
  writeStamp(root, wanted)
  return true
}

/** Installs exactly what package-lock.json names. @throws {LauncherError} */
export async function installDependencies(root, node, onSpawn) {
  const wanted = stampOf(root)
  const result = await runNpm(['ci', '--include=dev', '--include=optional', '--prefer-offline'], { cwd: root, node, onSpawn })
  if (result.code !== 0) throw npmFailure('The dependencies cannot be installed (npm ci failed).', result)
  writeStamp(root, wanted)
}

function stampOf(root) {
  let lock
  try {
    lock = readFileSync(join(root, 'package-lock.json'))
  } catch {
    throw new LauncherError({
      what: 'The dependencies cannot be installed.',
      why: `${join(root, 'package-lock.json')} is missing, and only locked versions are installed.`,
      remedy: 'Restore it: git checkout package-lock.json',
    })
  }
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform} ${process.arch}\n`
}

/** Atomic, so that a stamp is never half-written; into node_modules, so that it goes when they go. */
function writeStamp(root, stamp) {
  const draft = `${stampPath(root)}.${process.pid}`
  writeFileSync(draft, stamp)
  renameSync(draft, stampPath(root))
}

/** Whether npm's own record of node_modules says the same as the lockfile. Optional packages may be for other platforms. */
function installedByHand(root) {
  const lock = parseOr(join(root, 'package-lock.json'))
  const present = parseOr(join(root, 'node_modules', '.package-lock.json'))
  if (lock?.packages === undefined || present?.packages === undefined) return false
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (!path.startsWith('node_modules/')) return true
    const found = present.packages[path]
    if (found === undefined) return wanted.optional === true && !isForHere(wanted)
    return (
      (wanted.link || (found.version === wanted.version && found.integrity === wanted.integrity)) && existsSync(join(root, path))
    )
  })
}

/** Only a package that names this platform is surely wanted; those that name none serve other packages' other platforms. */
function isForHere({ os, cpu, libc }) {
  if (libc !== undefined || (os === undefined && cpu === undefined)) return false
  return (os?.includes(process.platform) ?? true) && (cpu?.includes(process.arch) ?? true)
}

function parseOr(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}
