// A PostgreSQL that a test may kill, on a real disk with all durability on, and its database prepared as in production.

import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { type Cluster, startCluster } from '#apps/standalone/cluster/cluster.ts'
import { until } from '#apps/standalone/cluster/orphan.ts'
import { processesIn } from '#apps/standalone/cluster/processes.ts'
import { openStateFolder, type StateFolder } from '#apps/standalone/state-folder.ts'
import { prepareDatabase } from '#db/prepare.ts'

const passwords = { app: 'chaos-app', queue: 'chaos-queue', migrate: 'chaos-migrate' }
const database = 'mayfly'
const prefix = 'mayfly-chaos-'
const leftAfterMs = 3_600_000

export class OwnPostgres {
  readonly home: string
  readonly #settings: Record<string, string>
  readonly #state: StateFolder
  #cluster: Cluster | undefined
  #appUrl = ''

  private constructor(home: string, settings: Record<string, string>) {
    this.home = home
    this.#settings = { max_connections: '60', shared_buffers: '64MB', ...settings }
    this.#state = openStateFolder(join(home, 'state'))
  }

  /** home: an empty folder that other users may pass; by default one in the system's folder for temporary files. */
  static async start(options: { readonly home?: string; readonly settings?: Record<string, string> } = {}): Promise<OwnPostgres> {
    if (options.home === undefined) removeLeftovers()
    const home = options.home ?? mkdtempSync(join(tmpdir(), prefix))
    // PostgreSQL's user must be able to pass, when the tests run as root.
    chmodSync(home, 0o711)
    const own = new OwnPostgres(home, options.settings ?? {})
    await own.restart()
    own.#appUrl = (await prepareDatabase(own.#running.adminUrl, database, passwords)).app
    return own
  }

  get #running(): Cluster {
    if (!this.#cluster) throw new Error('PostgreSQL is not running')
    return this.#cluster
  }

  /** URL of the runtime role; stays the same over restarts. */
  get appUrl(): string {
    return this.#appUrl
  }

  /** Resolves when the server ends, asked or not. */
  get exited(): Promise<number> {
    return this.#running.exited
  }

  /** A superuser's connection to the broker's database; to be ended by the caller. */
  admin(): Sql {
    const url = new URL(this.#running.adminUrl)
    url.pathname = `/${database}`
    return postgres(url.href, { max: 1, onnotice: () => {}, types: { bigint: postgres.BigInt } })
  }

  /** kill -9 of the main process and of all its sessions and helpers. */
  async kill(): Promise<void> {
    const { pid, dataDir, exited } = this.#running
    for (const victim of [pid, ...processesIn(dataDir)])
      try {
        process.kill(victim, 'SIGKILL')
      } catch {
        // It ended with the main process already.
      }
    await exited
    if (!(await until(async () => processesIn(dataDir).length === 0, 5_000, 1))) throw new Error('PostgreSQL survived kill -9')
  }

  /** Stops these processes, all of its own by default, without ending them; what is returned lets them go on. */
  async freeze(pids: readonly number[] = processesIn(this.#running.dataDir)): Promise<() => Promise<void>> {
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    return async () => {
      for (const pid of pids) process.kill(pid, 'SIGCONT')
    }
  }

  /** Resolves when it accepts connections, recovered if need be. */
  async restart(): Promise<void> {
    this.#cluster = await startCluster({
      state: this.#state,
      log: () => {},
      systemRoot: join(this.home, 'system'),
      settings: this.#settings,
    })
  }

  /** Ends it and removes what it wrote. */
  async close(): Promise<void> {
    await this.#cluster?.stop().catch(() => {})
    this.#state.release()
    rmSync(this.home, { recursive: true, force: true })
  }
}

/** What a run that was killed could not remove: old, and locked by nobody. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter(entry => entry.startsWith(prefix)))
    try {
      const home = join(tmpdir(), name)
      if (Date.now() - statSync(home).mtimeMs < leftAfterMs) continue
      openStateFolder(join(home, 'state')).release()
      rmSync(home, { recursive: true, force: true })
    } catch {
      // In use by another run, or another user's.
    }
}
