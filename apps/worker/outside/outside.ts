// The worker's hands outside: takes down, locks and keeps what is attached to accounts, and sends webhooks. Each second, and what is
// due is lent to one worker at a time, so any number of them may run.

import type { Logger } from 'pino'
import { Gauge, type Registry } from 'prom-client'
import { createConnectors } from '#apps/connectors/connectors.ts'
import { createHttpsClient } from '#apps/outbound/https.ts'
import { openKeyEncryption } from '#apps/process/key-settings.ts'
import { openOutbound } from '#apps/process/outbound-settings.ts'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import { Ceilings } from '#core/account/ceilings.ts'
import { extendAttachment, extensionLeaseSeconds } from '#core/connector/extend.ts'
import { type TendDeps, teardownLeaseSeconds, tendAttachment } from '#core/connector/tend.ts'
import { DatabaseClock } from '#core/time/database-clock.ts'
import type { Database } from '#db/connect.ts'
import {
  dropSettled,
  type LeasedAttachment,
  type LeasedExtension,
  leaseAttachments,
  leaseExtensions,
  readOutsideBacklog,
} from '#db/connector/lease.ts'
import { readCeilings } from '#db/registry/read-ceilings.ts'
import type { WorkerConfig } from '../config.ts'
import { learnTime } from '../learn-time.ts'
import { postpone } from '../outbox/backoff.ts'
import type { OutboxHandler } from '../outbox/handler.ts'
import { attachmentHandler, webhookHandler } from './handlers.ts'
import { createLanes, type Lanes } from './lanes.ts'
import { createSender } from './sender.ts'

const everyMs = 1_000
const cleanEveryMs = 3_600_000
const goodbyeMs = 5_000
const httpsTimeoutMs = 5_000
const attachmentsAtOnce = 32
/** Of one tenant, so that its servers hold up nobody else's. */
const attachmentsOfTenant = 8
/** Receipts stay in the log; rows of what is gone for as long as an account's tombstone, delivered messages for a week. */
const keepGoneSeconds = 90 * 86_400
const keepDeliveredSeconds = 7 * 86_400

export interface Outside {
  readonly handlers: readonly OutboxHandler[]
  /** Does all that is due now. */
  drain(): Promise<void>
  /** Finishes what is under way, as far as that is soon, then ends. */
  close(): Promise<void>
}

export interface OutsideOptions {
  readonly config: WorkerConfig
  readonly database: Database
  readonly logger: Logger
  readonly registry: Registry
}

export function startOutside({ config, database, logger, registry }: OutsideOptions): Outside {
  const clock = new DatabaseClock()
  const resolve = openOutbound(config)
  const https = createHttpsClient(resolve, { timeoutMs: httpsTimeoutMs, connections: 8 })
  const keyEncryption = openKeyEncryption(config)
  const deps = {
    dbOf: (tenantId: string) => database.db.forTenant(tenantId),
    connectors: createConnectors(resolve, https, () => clock.nowMs() / 1000),
    keyEncryption,
    ceilings: new Ceilings(ids => readCeilings(database.db, ids)),
    clock,
    postpone: (attempts: number) => postpone(attempts, Math.random()),
  }
  const sender = createSender({ database, keyEncryption, https, clock, logger })
  const tending = tendLanes(database, deps, logger)
  const failed = sparingly<unknown>(err =>
    logger.error({ err }, 'what is due outside cannot be read; it is tried again each second'),
  )
  let isClosing = false
  const round = async (): Promise<void> => {
    if (isClosing) return
    await learnTime(database, clock)
    await Promise.all([tending.tick(), sender.tick()])
  }
  const timer = setInterval(() => void round().catch(failed), everyMs)
  const cleaning = setInterval(
    () => void dropSettled(database.sql, keepGoneSeconds, keepDeliveredSeconds).catch(failed),
    cleanEveryMs,
  )
  reportBacklog(registry, database)
  return {
    handlers: [attachmentHandler(database, deps), webhookHandler(database)],
    async drain() {
      await learnTime(database, clock)
      await Promise.all([tending.drain(), sender.drain()])
    },
    async close() {
      isClosing = true
      clearInterval(timer)
      clearInterval(cleaning)
      // What is cut off here comes back when its lease ends.
      await within(goodbyeMs, Promise.all([tending.finish(), sender.finish()]))
      await https.close()
    },
  }
}

/** One that hangs holds up no other; a tenant whose servers all hang, itself alone. */
function tendLanes({ sql }: Database, deps: TendDeps, logger: Logger): Lanes {
  return createLanes(attachmentsAtOnce, async (room, busy) => {
    const terms = { limit: room, each: attachmentsOfTenant, busy }
    const leased = await leaseAttachments(sql, { ...terms, leaseSeconds: teardownLeaseSeconds })
    const begun = leased.map(one => ({ lane: one.tenantId, done: tendOne(deps, one, logger) }))
    if (begun.length === room) return begun
    const left = { ...terms, limit: room - begun.length, busy: [...busy, ...begun.map(({ lane }) => lane)] }
    const extensions = await leaseExtensions(sql, { ...left, leaseSeconds: extensionLeaseSeconds }).catch(error => {
      // What has begun must be known of.
      logger.warn({ err: error }, 'extensions could not be looked for')
      return []
    })
    return [...begun, ...extensions.map(one => ({ lane: one.tenantId, done: extendOne(deps, one, logger) }))]
  })
}

async function extendOne(deps: TendDeps, one: LeasedExtension, logger: Logger): Promise<void> {
  try {
    await extendAttachment(deps, one)
  } catch (err) {
    const facts = { err, attachment: one.id, account: one.accountId }
    logger.warn(facts, 'access could not be extended with its account; it will be tried again')
  }
}

async function tendOne(deps: TendDeps, one: LeasedAttachment, logger: Logger): Promise<void> {
  const facts = { attachment: one.id, account: one.accountId, step: one.state, attempts: one.attempts }
  const complain = (err: unknown): void =>
    logger.warn({ err, ...facts }, 'an attachment could not be tended; it will be tried again')
  try {
    const outcome = await tendAttachment(deps, one, complain)
    if (outcome === 'parked') logger.error(facts, 'an attachment fails again and again; it is parked and tried hourly')
  } catch (error) {
    complain(error)
  }
}

function reportBacklog(registry: Registry, { sql }: Database): void {
  new Gauge({
    name: 'mayfly_outside_backlog',
    help: 'Attachments and webhook messages that wait, by kind. Alarm on parked and parkedMessages above 0.',
    labelNames: ['kind'],
    registers: [registry],
    async collect() {
      const backlog = await readOutsideBacklog(sql).catch(() => undefined)
      this.reset()
      for (const [kind, count] of Object.entries(backlog ?? {})) this.set({ kind }, count)
    },
  })
}
