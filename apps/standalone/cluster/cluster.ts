// An own PostgreSQL for those who have none yet. The steps of a start, in order: where the data lies, as whom it runs, the
// programs, what an earlier run left, the data (made on the first start), a port, the server under its guard.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pickPort } from '../free-port.ts'
import type { StateFolder } from '../state-folder.ts'
import { prepareBinaries } from './binaries.ts'
import { hasData, initialiseData, SUPERUSER } from './initdb.ts'
import { locateCluster, SYSTEM_ROOT, saveRecord } from './location.ts'
import { endOrphan } from './orphan.ts'
import { chooseOwner } from './owner.ts'
import { startServer } from './server.ts'

/** A running PostgreSQL of our own. */
export type Cluster = {
  /** Superuser over loopback, with the password inside: never log it. */
  readonly adminUrl: string
  readonly port: number
  /** PostgreSQL's main process. */
  readonly pid: number
  readonly dataDir: string
  /** Resolves with the exit code when PostgreSQL ends, asked or not. */
  readonly exited: Promise<number>
  /** Ends all sessions, writes everything and ends PostgreSQL. May be called twice. */
  stop(): Promise<void>
}

export type ClusterOptions = {
  /** Held open, thus locked, as long as the cluster runs. */
  readonly state: StateFolder
  readonly log: (text: string) => void
  /** Demanded port; otherwise the one of the last start or, when that is taken, any free one. */
  readonly port?: number
  /** More settings of the server, such as `max_connections`. Durability and access cannot be changed. */
  readonly settings?: Record<string, string>
  /** Where root keeps data and copies of the programs; default `/var/lib/mayfly`. */
  readonly systemRoot?: string
}

/**
 * Starts the PostgreSQL of a state folder, making its data on the first start.
 * @throws StartupError telling what failed, why, and what to do.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { state, log, systemRoot = SYSTEM_ROOT } = options
  const record = locateCluster(state, systemRoot, log)
  const { dataDir } = record
  const owner = chooseOwner(dataDir)
  const copiesDir = owner === undefined ? state.folder('postgres') : join(systemRoot, 'bin')
  const binaries = prepareBinaries(owner, copiesDir)
  const password = state.getOrCreateSecret('postgres-password', () => randomBytes(32).toString('base64url'))
  if (hasData(dataDir, binaries.major)) await endOrphan(dataDir, log)
  else await initialiseData(binaries, { dataDir, owner, password })
  const port = await pickPort(options.port, record.port)
  saveRecord(state, { ...record, port, initialised: true })
  const logFile = join(state.folder('logs'), 'postgres.log')
  const server = await startServer({ binaries, owner, dataDir, port, logFile, settings: options.settings })
  return { adminUrl: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`, port, dataDir, ...server }
}
