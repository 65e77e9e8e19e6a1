// A Python environment for the tests of packages/client-python, made once and kept under node_modules/.cache.

import { execFile, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '..', '..')
export const pythonPackage: string = join(root, 'packages', 'client-python')
export const pythonCache: string = join(root, 'node_modules', '.cache', 'mayfly-python')

const advice = 'Install Python 3.10 or newer with venv: apt-get install python3-venv, or brew install python.'
const candidates = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10']
const probe = 'import sys, venv, ensurepip; assert sys.version_info >= (3, 10); print(sys.version, sys.executable)'

/**
 * The Python of an environment with what requirements-dev.txt names. Undefined where this machine has no Python, or cannot
 * reach a package index: then the tests are left out, and the run says why. In CI they must run, so there it is an error.
 */
export async function preparePython(): Promise<string | undefined> {
  try {
    return await findEnvironment()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    if (process.env['CI']) throw new Error(`The tests of packages/client-python must run here. ${why}`, { cause })
    console.warn(`The tests of packages/client-python are left out. ${why}`)
    return undefined
  }
}

async function findEnvironment(): Promise<string> {
  const found = candidates.map(describe).find(one => one !== undefined)
  if (!found) throw new Error(`There is no Python for them here. ${advice}`)
  const requirements = join(pythonPackage, 'requirements-dev.txt')
  const stamp = createHash('sha256').update(found.version).update(readFileSync(requirements)).digest('hex').slice(0, 16)
  const folder = join(pythonCache, `venv-${stamp}`)
  if (!existsSync(folder)) await makeEnvironment(found.program, requirements, folder)
  return join(folder, 'bin', 'python')
}

function describe(program: string): { program: string; version: string } | undefined {
  try {
    return { program, version: execFileSync(program, ['-c', probe], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }) }
  } catch {
    return undefined
  }
}

/** Under another name until it is whole, so that nobody finds half of one. */
async function makeEnvironment(program: string, requirements: string, folder: string): Promise<void> {
  await mkdir(pythonCache, { recursive: true })
  const draft = mkdtempSync(join(pythonCache, 'draft-'))
  try {
    await run(program, ['-m', 'venv', draft])
    // Wheels only: nothing of a package runs while it is installed.
    const install = ['install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:', '-r', requirements]
    await run(join(draft, 'bin', 'python'), ['-m', 'pip', ...install])
    if (!existsSync(folder)) renameSync(draft, folder)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

async function run(program: string, args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(program, args, { timeout: 300_000 })
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(error)
    throw new Error(`Its environment cannot be made (${[program, ...args].slice(0, 4).join(' ')}): ${said}`, { cause: error })
  }
}

export interface PythonResult {
  readonly code: number | null
  readonly output: string
}

/** Runs `python -m …` in the package's folder, leaving nothing behind there. Does not block: a broker in this process can answer. */
export function runPython(python: string, args: readonly string[], env: Record<string, string> = {}): Promise<PythonResult> {
  const child = spawn(python, args, {
    cwd: pythonPackage,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', LANGSMITH_TRACING: 'false', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', chunk => chunks.push(chunk))
  child.stderr.on('data', chunk => chunks.push(chunk))
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('close', code => done({ code, output: Buffer.concat(chunks).toString('utf8') }))
  })
}

export interface PytestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Where pytest leaves its results. */
export const pytestResults: string = join(pythonCache, 'results.xml')
/** What `.ci/run` adds to its own counts. */
const countsFile = join(pythonCache, 'counts')

/** Those of an earlier run must not pass for this one's. */
export function forgetPytestCounts(): void {
  for (const file of [pytestResults, countsFile]) rmSync(file, { force: true })
}

/** Reads what pytest left, and writes the counts beside it in one line: passed, failed, skipped. */
export function readPytestCounts(): PytestCounts {
  const suite = /<testsuite [^>]*>/.exec(readFileSync(pytestResults, 'utf8'))?.[0] ?? ''
  const number = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0)
  const failed = number('failures') + number('errors')
  const counts = { passed: number('tests') - failed - number('skipped'), failed, skipped: number('skipped') }
  writeFileSync(countsFile, `${counts.passed} ${counts.failed} ${counts.skipped}\n`)
  return counts
}
