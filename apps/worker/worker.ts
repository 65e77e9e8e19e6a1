// The worker: what must happen some time, but in nobody's request.

import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { HistoryWatch } from '#apps/process/history-watch.ts'
import { checkSealedKeys, openKeyEncryption } from '#apps/process/key-settings.ts'
import { listenForMetrics } from '#apps/process/metrics-listener.ts'
import { createQueues, type Queues } from '#apps/process/queues.ts'
import { settleRestore } from '#apps/process/startup-guard.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { readReaperBacklog } from '#db/accounts/due.ts'
import { type Database, openDatabase } from '#db/connect.ts'
import { readLogGlimpse } from '#db/log/history.ts'
import { checkSchemaVersion } from '#db/migrate.ts'
import { findServerFaults } from '#db/server/check-server.ts'
import { type AuditDelivery, startAuditDelivery } from './audit-delivery/audit-delivery.ts'
import { type Chores, startChores } from './chores.ts'
import type { WorkerConfig } from './config.ts'
import { createOutboxHandlers } from './outbox/handlers.ts'
import { type Outside, startOutside } from './outside/outside.ts'
import { startProjection } from './projection/projection.ts'
import { type Reaper, startReaper } from './reaper.ts'
import { createReaperMetrics } from './reaper-metrics.ts'
import { type Forgetting, startForgetting } from './retention/forgetting.ts'
import { startRevocationReports } from './revocation-reports.ts'
import { type RevocationSweeps, startRevocationSweeps } from './revocation-sweeps.ts'
import type { Sealer } from './sealer/sealer.ts'
import { startSealing } from './sealer/start-sealing.ts'
import { type Ssf, startSsf } from './ssf/ssf.ts'
import { startUsageRounds } from './usage.ts'

export interface RunningWorker extends Pick<Chores, 'sweep' | 'tendKeys'> {
  readonly reaper: Pick<Reaper, 'sweep' | 'drain'>
  readonly outside: Pick<Outside, 'drain'>
  readonly forgetting: Pick<Forgetting, 'sweep' | 'drop'>
  readonly revocationSweeps: Pick<RevocationSweeps, 'finish'>
  readonly ssf: Pick<Ssf, 'drain' | 'clean'>
  readonly auditDelivery: Pick<AuditDelivery, 'drain'>
  /** Undefined: this worker does not seal. */
  readonly sealer: Pick<Sealer, 'round' | 'faults' | 'isLeader'> | undefined
  readonly history: Pick<HistoryWatch, 'look' | 'faults'>
  /** Of the metrics listener, if there is one. */
  readonly metricsPort: number | undefined
  /** Finishes what is under way, then ends. */
  close(): Promise<void>
}

/** Throws BrokerError `internal` with a hint when the database is not fit. */
export async function startWorker(config: WorkerConfig, logger: Logger): Promise<RunningWorker> {
  const database = await openFitDatabase(config, logger)
  const queues = createQueues(config)
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'mayfly_' })
  const rounds = startRounds({ config, database, logger, queues, registry })
  const sealer =
    config.sealer && startSealing({ settings: config.sealer, database, databaseUrl: config.databaseUrl, logger, registry })
  let stopping: Promise<void> | undefined
  const stopWork = (): Promise<void> => {
    stopping ??= Promise.all([sealer?.close(), ...Object.values(rounds).map(each => each.close())]).then(() => {})
    return stopping
  }
  const history = new HistoryWatch({
    read: position => readLogGlimpse(database.sql, position),
    logger,
    // Nothing is taken down, sent or erased in the name of a history that is not the one of before.
    onLost: () => void stopWork().catch(err => logger.error({ err }, 'not all work could be stopped')),
  })
  const close = async (): Promise<void> => {
    history.stop()
    await stopWork()
    await database.close()
  }
  let listener: Server | undefined
  try {
    await history.start()
    const { metrics } = config
    const faults = (): string[] => [...(sealer?.faults() ?? []), ...history.faults()]
    listener = metrics && (await listenForMetrics(registry, faults, metrics.host, metrics.port))
  } catch (error) {
    await close()
    throw error
  }
  logger.info({ backend: queues.backend }, 'worker started')
  return {
    ...rounds,
    sweep: rounds.chores.sweep,
    tendKeys: rounds.chores.tendKeys,
    sealer,
    history,
    metricsPort: (listener?.address() as AddressInfo | undefined)?.port,
    async close() {
      listener?.close()
      await close()
    },
  }
}

interface RoundsDeps {
  readonly config: WorkerConfig
  readonly database: Database
  readonly logger: Logger
  readonly queues: Queues
  readonly registry: Registry
}

/** All that a worker does but sealing, each by rounds of its own. */
function startRounds({ config, database, logger, queues, registry }: RoundsDeps) {
  const chores = startChores({ config, database, logger, queues })
  const outside = startOutside({ config, database, logger, registry })
  const reaper = startReaper({
    database,
    logger,
    queues,
    handlers: [...createOutboxHandlers({ database }), ...outside.handlers],
    metrics: createReaperMetrics(registry, () => readReaperBacklog(database.sql)),
  })
  return {
    chores,
    outside,
    reaper,
    usage: startUsageRounds(database, logger),
    projection: startProjection({ database, logger, registry }),
    forgetting: startForgetting({ config, database, logger, registry }),
    revocationSweeps: startRevocationSweeps(database, logger),
    revocationReports: startRevocationReports(database, logger),
    ssf: startSsf({ config, database, logger, registry, queues }),
    auditDelivery: startAuditDelivery({ config, database, logger, registry }),
  }
}

async function openFitDatabase(config: WorkerConfig, logger: Logger): Promise<Database> {
  const database = openDatabase(config.databaseUrl, { poolSize: 4, applicationName: 'mayfly-worker' })
  try {
    const faults = await findServerFaults(database.sql)
    if (faults.length > 0) throw new BrokerError('internal', { hint: faults.join('\n  ') })
    await checkSchemaVersion(database.db)
    await checkSealedKeys(database.db, openKeyEncryption(config))
    await settleRestore({ ...config, logTiles: config.sealer?.tiles, logKeys: config.sealer?.keys }, logger)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}
