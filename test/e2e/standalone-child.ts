// A Mayfly as its users start it: a process of its own, on a state folder and ports of its own.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { removeCluster } from '#apps/standalone/cluster/location.ts'
import type { DevFile } from '#apps/standalone/dev-file.ts'
import { pickPort } from '#apps/standalone/free-port.ts'
import { openStateFolder } from '#apps/standalone/state-folder.ts'

const root = resolve(import.meta.dirname, '../..')

export interface Child {
  readonly process: ChildProcess
  /** What it has written so far. */
  readonly out: () => string
  readonly err: () => string
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>
}

export type Surroundings = Readonly<Record<string, string>>

/** A state folder that nobody else uses, and free ports. */
export async function makeSurroundings(): Promise<Surroundings> {
  const port = async () => String(await pickPort(undefined, undefined))
  return {
    MAYFLY_STATE_DIR: mkdtempSync(join(tmpdir(), 'mayfly-e2e-')),
    MAYFLY_PORT: await port(),
    MAYFLY_MTLS_PORT: await port(),
    MAYFLY_IDP_PORT: await port(),
    MAYFLY_ORDERS_PORT: await port(),
    MAYFLY_METRICS_PORT: 'off',
  }
}

/** Removes everything that runs on these state folders have left. */
export function removeState(...dirs: string[]): void {
  for (const dir of dirs) {
    if (!existsSync(dir)) continue
    const state = openStateFolder(dir)
    removeCluster(state)
    state.release()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** program: path inside the project. */
export function run(program: string, args: readonly string[], surroundings: Surroundings): Child {
  const { PATH = '', HOME = '', USER = '' } = process.env
  const child = spawn(process.execPath, [program, ...args], { cwd: root, env: { PATH, HOME, USER, ...surroundings } })
  let out = ''
  let err = ''
  child.stdout.on('data', chunk => (out += chunk))
  child.stderr.on('data', chunk => (err += chunk))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  return { process: child, out: () => out, err: () => err, ended }
}

/** `npm start --json`, once it says that it is ready. Throws with what it said when it ends before. */
export async function start(surroundings: Surroundings): Promise<Child & { readonly dev: DevFile }> {
  const child = run('apps/standalone/main.ts', ['--json'], surroundings)
  const ended = child.ended.then(how => {
    throw new Error(`it ended with ${how}: ${child.err()}`)
  })
  ended.catch(() => {})
  await Promise.race([waitFor(() => child.out().includes('\n')), ended])
  const { devFile } = JSON.parse(child.out()) as { devFile: string }
  return { ...child, dev: JSON.parse(readFileSync(devFile, 'utf8')) as DevFile }
}

/** The main process of the PostgreSQL of a state folder. */
export function postgresPid(stateDir: string): number {
  const { dataDir } = JSON.parse(readFileSync(join(stateDir, 'cluster.json'), 'utf8')) as { dataDir: string }
  return Number(readFileSync(join(resolve(stateDir, dataDir), 'postmaster.pid'), 'utf8').split('\n')[0])
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Polls until `holds`. Throws after 30 s. */
export async function waitFor(holds: () => boolean): Promise<void> {
  const until = Date.now() + 30_000
  while (!holds()) {
    if (Date.now() > until) throw new Error('waited 30 s in vain')
    await delay(10)
  }
}
