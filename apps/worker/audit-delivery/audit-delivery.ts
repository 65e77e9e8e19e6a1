// The log leaves from here: to webhooks of tenants, and to the operator's own system. The truth is the log and how far each receiver has
// come, looked at each second; any number of workers may run.

import type { Logger } from 'pino'
import { Gauge, type Registry } from 'prom-client'
import { createHttpsClient } from '#apps/outbound/https.ts'
import { openKeyEncryption } from '#apps/process/key-settings.ts'
import { openOutbound } from '#apps/process/outbound-settings.ts'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import { openLogPages } from '#core/audit/stream/open-log-streams.ts'
import { formatId } from '#core/ids/id.ts'
import { DatabaseClock } from '#core/time/database-clock.ts'
import { type AuditBacklog, readAuditBacklog } from '#db/audit-stream/sinks.ts'
import { leaseAuditStreams } from '#db/audit-stream/streams.ts'
import type { Database } from '#db/connect.ts'
import type { WorkerConfig } from '../config.ts'
import { learnTime } from '../learn-time.ts'
import { createLanes, type Lanes } from '../outside/lanes.ts'
import { leaseSeconds, type PushDeps, pushEntries } from './push-entries.ts'
import { startSink } from './sink.ts'

const everyMs = 1_000
const goodbyeMs = 5_000
const httpsTimeoutMs = 5_000
const streamsAtOnce = 32
/** Of one tenant, so that its receivers hold up nobody else's. */
const streamsOfTenant = 8

export interface AuditDelivery {
  /** Sends webhooks all that is due now. */
  drain(): Promise<void>
  close(): Promise<void>
}

export interface AuditDeliveryOptions {
  readonly config: WorkerConfig
  readonly database: Database
  readonly logger: Logger
  readonly registry: Registry
}

export function startAuditDelivery({ config, database, logger, registry }: AuditDeliveryOptions): AuditDelivery {
  const clock = new DatabaseClock()
  const https = createHttpsClient(openOutbound(config), { timeoutMs: httpsTimeoutMs, connections: 2 })
  const pages = openLogPages(database)
  const lanes = createAuditLanes({ database, pages, keyEncryption: openKeyEncryption(config), https, clock, logger })
  const sink = config.sink && startSink({ database, pages, logger, settings: config.sink })
  const failed = sparingly<unknown>(err =>
    logger.error({ err }, 'who is to be sent the log cannot be read; it is tried again each second'),
  )
  const tick = async (): Promise<void> => {
    await learnTime(database, clock)
    await lanes.tick()
  }
  const timer = setInterval(() => void tick().catch(failed), everyMs)
  report(registry, database)
  return {
    async drain() {
      await learnTime(database, clock)
      await lanes.drain()
    },
    async close() {
      clearInterval(timer)
      // What is cut off here is sent again when its lease ends.
      await within(goodbyeMs, Promise.all([lanes.finish(), sink?.close()]))
      await https.close()
    },
  }
}

/** One turn of a webhook at a time for each, a few webhooks of one tenant. */
export function createAuditLanes(deps: PushDeps): Lanes {
  return createLanes(streamsAtOnce, async (room, busy) => {
    const leased = await leaseAuditStreams(deps.database.sql, { limit: room, each: streamsOfTenant, leaseSeconds, busy })
    return leased.map(stream => ({
      lane: stream.tenantId,
      done: pushEntries(deps, stream).catch(err =>
        deps.logger.error({ err, webhook: formatId('webhook', stream.webhookId) }, 'a webhook was not sent its part of the log'),
      ),
    }))
  })
}

const figures = {
  streams: 'Webhooks that are sent the log.',
  failing: 'Those of them whose last message was not taken.',
  parked: 'Those that have not taken a message for an hour. Alarm above 0.',
  behind: 'Entries between where the last of them is and the end of the log.',
  sinkFailing: 'Whether the SIEM could not be written to. Alarm above 0.',
  sinkBehind: 'Entries that the SIEM has not got yet.',
} as const satisfies Record<keyof AuditBacklog, string>

function report(registry: Registry, { sql }: Database): void {
  new Gauge({
    name: 'mayfly_audit_delivery',
    help: `What leaves the log, by kind. ${Object.entries(figures)
      .map(([kind, text]) => `${kind}: ${text}`)
      .join(' ')}`,
    labelNames: ['kind'],
    registers: [registry],
    async collect() {
      const backlog = await readAuditBacklog(sql).catch(() => undefined)
      this.reset()
      for (const [kind, count] of Object.entries(backlog ?? {})) this.set({ kind }, count)
    },
  })
}
