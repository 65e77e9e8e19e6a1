// A running broker: checks first, then the two doors, then the clockwork behind them.

import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { checkSealedKeys } from '#apps/process/key-settings.ts'
import { listenForMetrics } from '#apps/process/metrics-listener.ts'
import { settleRestore } from '#apps/process/startup-guard.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { listenForErasures } from '#db/erasure/listen-erasures.ts'
import { checkSchemaVersion } from '#db/migrate.ts'
import { findServerFaults } from '#db/server/check-server.ts'
import { createApp } from './app.ts'
import type { BrokerConfig } from './config.ts'
import { type BrokerDeps, createDeps } from './deps.ts'
import { flushRejections } from './flush-rejections.ts'
import { createMetrics } from './metrics.ts'
import { createMtlsServer } from './tls/listeners.ts'

export interface Broker {
  readonly app: FastifyInstance
  readonly deps: BrokerDeps
  readonly port: number
  readonly mtlsPort: number
  /** Finishes what is under way, then ends. */
  close(): Promise<void>
}

const closeWithinMs = 5_000
/** Publishing a key ahead of its use counts on this (`core/keys/rotation/times.ts`). */
const compareEpochsEveryMs = 30_000

/** Throws BrokerError `internal` with a hint when database, schema or server settings are not fit. */
export async function startBroker(config: BrokerConfig, logger: Logger): Promise<Broker> {
  const deps = createDeps(config, logger)
  try {
    await checkDatabase(deps)
    await settleRestore(config, logger)
    await deps.heartbeat.start()
    await deps.history.start()
    await deps.sealWatch.start()
    const { app, tokenDoor } = await createApp(deps)
    const mtls = createMtlsServer(config.tls, tokenDoor)
    const listening = await deps.directory.listen(deps.database.sql)
    const forgetting = await listenForErasures(deps.database.sql, () => deps.exchange.subjectKeys.forgetAll())
    await deps.feed.start()
    const flushing = setInterval(() => void flushRejections(deps), 1_000).unref()
    const comparing = setInterval(() => void deps.directory.compareEpochs().catch(() => {}), compareEpochsEveryMs).unref()
    await app.listen({ host: config.host, port: config.port })
    await once(mtls.listen(config.mtlsPort, config.host), 'listening')
    const metrics = await startMetrics(deps)
    return {
      app,
      deps,
      port: (app.server.address() as AddressInfo).port,
      mtlsPort: (mtls.address() as AddressInfo).port,
      async close() {
        clearInterval(flushing)
        clearInterval(comparing)
        metrics?.close()
        deps.feed.endStreams()
        deps.logStreams.close()
        await closeServers(app, mtls)
        await Promise.allSettled([listening.close(), forgetting.close()])
        await flushRejections(deps)
        await deps.close()
      },
    }
  } catch (error) {
    await deps.close().catch(() => {})
    throw error
  }
}

async function checkDatabase({ database, keyEncryption }: BrokerDeps): Promise<void> {
  const faults = await findServerFaults(database.sql)
  if (faults.length > 0)
    throw new BrokerError('internal', { hint: `The database is not fit for the log:\n  ${faults.join('\n  ')}` })
  await checkSchemaVersion(database.db)
  await checkSealedKeys(database.db, keyEncryption)
}

async function startMetrics(deps: BrokerDeps): Promise<HttpServer | undefined> {
  const { config, heartbeat, history } = deps
  if (config.metricsPort === undefined) return undefined
  return listenForMetrics(
    createMetrics(deps),
    () => [...heartbeat.faults(), ...history.faults()],
    config.host,
    config.metricsPort,
  )
}

/** Lets requests finish; connections that stay idle or never end are cut. */
async function closeServers(app: FastifyInstance, server: HttpsServer): Promise<void> {
  const cut = setTimeout(() => {
    server.closeAllConnections()
    app.server.closeAllConnections()
  }, closeWithinMs)
  const mtlsClosed = new Promise(resolve => server.close(resolve))
  server.closeIdleConnections()
  await Promise.all([app.close(), mtlsClosed])
  clearTimeout(cut)
}
