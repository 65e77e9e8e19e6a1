// Security events leave from here. The truth is the feed and the streams' cursors, looked at each second; what makes it fast is a job
// for a stream as soon as its tenant's feed moves, which any worker may take.

import type { Logger } from 'pino'
import { Gauge, type Registry } from 'prom-client'
import { createHttpsClient } from '#apps/outbound/https.ts'
import { openKeyEncryption } from '#apps/process/key-settings.ts'
import { openOutbound } from '#apps/process/outbound-settings.ts'
import type { Queues } from '#apps/process/queues.ts'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import { formatId } from '#core/ids/id.ts'
import { credentialChange, sessionRevoked } from '#core/ssf/event-types.ts'
import { SetSigners } from '#core/ssf/set-signers.ts'
import { DatabaseClock } from '#core/time/database-clock.ts'
import type { Database } from '#db/connect.ts'
import { forgetAcknowledgements, keepLateEvents, readSsfBacklog, type SsfBacklog } from '#db/ssf/backlog.ts'
import { leaseStreams } from '#db/ssf/progress.ts'
import type { WorkerConfig } from '../config.ts'
import { learnTime } from '../learn-time.ts'
import { createLanes, type Lanes } from '../outside/lanes.ts'
import { startHints } from './hints.ts'
import { leaseSeconds, type PushDeps, pushStream } from './push.ts'

const everyMs = 1_000
const cleanEveryMs = 60_000
const goodbyeMs = 5_000
const httpsTimeoutMs = 5_000
const streamsAtOnce = 64
const streamsOfTenant = 8
/** The feed forgets a revocation a day after it went out of force. Before that, what a stream has not taken is set aside. */
const lateSeconds = 22 * 3_600
const keepAcknowledgedSeconds = 3 * 86_400

export interface SsfOptions {
  readonly config: WorkerConfig
  readonly database: Database
  readonly logger: Logger
  readonly registry: Registry
  readonly queues: Queues
}

export interface Ssf {
  /** Sends all that is due now. */
  drain(): Promise<void>
  /** Sets aside what is late, forgets what nobody asks for any more. */
  clean(): Promise<void>
  close(): Promise<void>
}

export function startSsf({ config, database, logger, registry, queues }: SsfOptions): Ssf {
  const clock = new DatabaseClock()
  const https = createHttpsClient(openOutbound(config), { timeoutMs: httpsTimeoutMs, connections: 4 })
  const keyEncryption = openKeyEncryption(config)
  const lanes = createPushLanes({ database, logger, https, clock, keyEncryption, signers: new SetSigners(keyEncryption) })
  const failed = sparingly<unknown>(err =>
    logger.error({ err }, 'security events that are due cannot be read; it is tried again each second'),
  )
  const tick = async (): Promise<void> => {
    await learnTime(database, clock)
    await lanes.tick()
  }
  const timer = setInterval(() => void tick().catch(failed), everyMs)
  const clean = async (): Promise<void> => {
    const types = {
      a: sessionRevoked,
      x: sessionRevoked,
      j: sessionRevoked,
      c: sessionRevoked,
      t: sessionRevoked,
      k: credentialChange,
    }
    const late = await keepLateEvents(database.sql, lateSeconds, types)
    if (late > 0) logger.error({ late }, 'security events were not taken before they were of no use any more; they are set aside')
    await forgetAcknowledgements(database.sql, keepAcknowledgedSeconds)
  }
  const cleaning = setInterval(() => void clean().catch(failed), cleanEveryMs)
  const hints = startHints({ database, queues, logger, tick: () => lanes.tick() })
  report(registry, database)
  return {
    drain: () => lanes.drain(),
    clean,
    async close() {
      clearInterval(timer)
      clearInterval(cleaning)
      await Promise.all([hints.close(), within(goodbyeMs, lanes.finish())])
      await https.close()
    },
  }
}

/** One turn of a stream at a time for each, a few streams of one tenant. */
export function createPushLanes(deps: PushDeps & { readonly database: Database }): Lanes {
  return createLanes(streamsAtOnce, async (room, busy) => {
    const leased = await leaseStreams(deps.database.sql, { limit: room, each: streamsOfTenant, leaseSeconds, busy })
    return leased.map(stream => ({
      lane: stream.tenantId,
      done: pushStream(deps, stream).catch(err =>
        deps.logger.error({ err, stream: formatId('stream', stream.id) }, 'a stream of security events was not served'),
      ),
    }))
  })
}

function report(registry: Registry, { sql }: Database): void {
  let reading: Promise<SsfBacklog | undefined> | undefined
  // All are asked for at once; one look answers them.
  const read = (): Promise<SsfBacklog | undefined> => {
    reading ??= readSsfBacklog(sql)
      .catch(() => undefined)
      .finally(() => {
        reading = undefined
      })
    return reading
  }
  new Gauge({
    name: 'mayfly_ssf_streams',
    help: 'Streams of security events, by status. Alarm on failing above 0 for long.',
    labelNames: ['status'],
    registers: [registry],
    async collect() {
      const backlog = await read()
      this.reset()
      if (!backlog) return
      for (const status of ['enabled', 'paused', 'disabled', 'failing'] as const) this.set({ status }, backlog[status])
    },
  })
  const gauge = (name: string, help: string, member: 'waiting' | 'lagSeconds' | 'deadLetters') =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const backlog = await read()
        this.reset()
        if (backlog) this.set(backlog[member])
      },
    })
  gauge('mayfly_ssf_lag_seconds', 'Age of the oldest security event that an enabled stream has not taken.', 'lagSeconds')
  gauge('mayfly_ssf_waiting_events', 'Security events that streams have not taken yet.', 'waiting')
  gauge('mayfly_ssf_dead_letters', 'Security events that were set aside. Alarm above 0.', 'deadLetters')
}
