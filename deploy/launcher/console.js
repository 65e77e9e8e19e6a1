// The console is built once from its sources, and again when they change: a stamp beside the built files holds the sources' hash.
// Built aside and put in place whole, so that a broker that is running never serves half of it.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { LauncherError } from './failure.js'

const folder = root => join(root, 'apps', 'console')
const stampPath = root => join(folder(root), 'dist', '.stamp')

/** Whether there is nothing to build: no console here, or one that was built from these sources. */
export function consoleReady(root) {
  if (!existsSync(join(folder(root), 'index.html'))) return true
  try {
    return readFileSync(stampPath(root), 'utf8') === stampOf(root)
  } catch {
    return false
  }
}

/**
 * @param {string} root
 * @param {string} node
 * @param {(pid: number) => void} [onSpawn]
 * @throws {LauncherError}
 */
export async function buildConsole(root, node, onSpawn) {
  const stamp = stampOf(root)
  const aside = join(root, 'node_modules', '.cache', `mayfly-console-${process.pid}`)
  const built = join(folder(root), 'dist')
  try {
    await runVite(root, node, aside, onSpawn)
    writeFileSync(join(aside, '.stamp'), stamp)
    rmSync(built, { recursive: true, force: true })
    renameSync(aside, built)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

function runVite(root, node, outDir, onSpawn) {
  mkdirSync(outDir, { recursive: true })
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const args = [vite, 'build', folder(root), '--outDir', outDir, '--emptyOutDir', '--logLevel', 'warn']
  const env = { ...process.env, NODE_ENV: 'production', NO_COLOR: '1', FORCE_COLOR: undefined }
  const child = spawn(node, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env })
  if (child.pid !== undefined) onSpawn?.(child.pid)
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      said += text
    })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => (code === 0 ? resolve(undefined) : reject(buildFailure(code, said))))
  })
}

const buildFailure = (code, said) => {
  const lines = said.split('\n').filter(line => line.trim() !== '' && !/^\s+at /.test(line))
  return new LauncherError({
    what: 'The console cannot be built (vite build failed).',
    why: `vite ended with code ${code}.\n${lines
      .slice(0, 12)
      .map(line => `    ${line}`)
      .join('\n')}`,
    remedy: 'Correct what it names under apps/console, then run the same command again.',
  })
}

/** The hash of all that the console is made of. The lockfile stands for the libraries. */
function stampOf(root) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')))
  for (const file of sourcesOf(folder(root))) hash.update(`\0${relative(root, file)}\0`).update(readFileSync(file))
  return hash.digest('hex')
}

function sourcesOf(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(file => !file.startsWith(join(dir, 'dist') + sep))
    .sort()
}
