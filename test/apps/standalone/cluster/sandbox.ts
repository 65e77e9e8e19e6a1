import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import { type Cluster, startCluster } from '#apps/standalone/cluster/cluster.ts'
import { canReach } from '#apps/standalone/cluster/reach.ts'
import { openStateFolder, type StateFolder } from '#apps/standalone/state-folder.ts'

const NOBODY = 65_534

export const isRoot = process.getuid?.() === 0
/** Root can play an ordinary user only where that user can get at Node and the project. */
export const canPlayNobody =
  isRoot &&
  [import.meta.dirname, dirname(process.execPath)].every(path => canReach(path, { uid: NOBODY, gid: NOBODY, name: 'nobody' }))

export type Started = { process: ChildProcess; pid: number; guardPid: number; dataDir: string; adminUrl: string }

/** A folder of its own for a test: `start` in this process or `startApart` in another; `remove` ends and removes all. */
export class Sandbox {
  readonly home = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mayfly-cluster-test-'))
  readonly stateDir = join(this.home, 'state')
  readonly systemRoot = join(this.home, 'system')
  private readonly apart: ChildProcess[] = []
  private readonly here: { state: StateFolder; cluster: Cluster }[] = []

  constructor() {
    chmodSync(this.home, 0o711)
  }

  async start(more: { port?: number; settings?: Record<string, string> } = {}): Promise<Cluster> {
    const state = openStateFolder(this.stateDir)
    try {
      const cluster = await startCluster({ state, systemRoot: this.systemRoot, log: () => {}, ...more })
      this.here.push({ state, cluster })
      return cluster
    } catch (error) {
      state.release()
      throw error
    }
  }

  /** Stops what `start` started and gives the state folder free. */
  async stop(): Promise<void> {
    for (const { state, cluster } of this.here.splice(0)) {
      await cluster.stop()
      state.release()
    }
  }

  async startApart(as?: 'nobody'): Promise<Started> {
    if (as) {
      mkdirSync(this.stateDir, { mode: 0o700 })
      chownSync(this.stateDir, NOBODY, NOBODY)
    }
    const script = resolve(import.meta.dirname, 'run-start.ts')
    const child = spawn(process.execPath, [script, this.stateDir, this.systemRoot], {
      stdio: ['ignore', 'pipe', 'inherit'],
      ...(as && { uid: NOBODY, gid: NOBODY }),
    })
    this.apart.push(child)
    const line = await new Promise<string>((done, fail) => {
      createInterface(child.stdout!).once('line', done)
      child.once('error', fail)
      child.once('exit', code => fail(new Error(`ended with ${code} before it was up`)))
    })
    const up = JSON.parse(line)
    return { process: child, guardPid: parentOf(up.pid), ...up }
  }

  async remove(): Promise<void> {
    await this.stop()
    for (const child of this.apart) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
    }
    rmSync(this.home, { recursive: true, force: true })
  }
}

/** Runs statements on a cluster, one connection. */
export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe(text)
  } finally {
    await sql.end()
  }
}

export async function eventually(met: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000
  while (!met()) {
    if (performance.now() > end) throw new Error(`never: ${what}`)
    await delay(10)
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}
