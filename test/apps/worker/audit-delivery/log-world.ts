// A log with entries of a tenant, and what sends it.

import { randomUUID } from 'node:crypto'
import { expect, vi } from 'vitest'
import { createHttpsClient } from '#apps/outbound/https.ts'
import { createOutbound } from '#apps/outbound/outbound.ts'
import { createLogger } from '#apps/process/logger.ts'
import { createAuditLanes } from '#apps/worker/audit-delivery/audit-delivery.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { openLogPages } from '#core/audit/stream/open-log-streams.ts'
import { newUuid } from '#core/ids/id.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import type { Principal } from '#core/operators/principal.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { registerWebhook, type WebhookInput } from '#core/webhook/webhooks.ts'
import { appendBatch } from '#db/log/append.ts'
import { makeRequest } from '#test/db/log/requests.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

export const actor: Principal = { credentialId: randomUUID(), role: 'tenant-admin', tenantId: null, resourceId: undefined }
const keyEncryption = new LocalKeyEncryption(Buffer.alloc(32, 3))

export interface LogWorld extends Awaited<ReturnType<typeof startLogWorld>> {}

export async function startLogWorld() {
  const db: TestDatabase = await createTestDatabase({ poolSize: 8 })
  const https = createHttpsClient(createOutbound({ allowed: everythingInside, ownStores: [] }), {
    timeoutMs: 1_000,
    connections: 4,
  })
  const logLines: string[] = []
  const logger = createLogger('worker', 'info', line => logLines.push(line))
  const pages = openLogPages(db.database)
  const lanesOf = () =>
    createAuditLanes({ database: db.database, pages, keyEncryption, https, clock: { nowMs: () => Date.now() }, logger })
  return {
    db,
    logger,
    logLines,
    pages,
    lanesOf,
    /** Sends all that is due now. A look that another round began may still have something under way. */
    async drain() {
      await lanesOf().drain()
      await vi.waitFor(async () => {
        const left = await db.admin`
          select from mayfly.audit_stream, log.head
           where leased_until > clock_timestamp() or position < size and hold_until <= clock_timestamp()`
        if (left.length > 0) await lanesOf().drain()
        expect(left).toHaveLength(0)
      })
    },
    async register(tenantId: string, input: Pick<WebhookInput, 'url' | 'ca_pem'> & Partial<WebhookInput>) {
      const whole = { name: randomUUID(), events: [], signature: 'hmac', ...input } as const
      const change = { actor, tenantId, keyEncryption, nowMs: Date.now() }
      return db.database.db
        .forTenant(tenantId)
        .transaction()
        .execute(trx => registerWebhook(trx, change, whole))
    },
    /** Puts events of a tenant into the log; returns the first's position. */
    async append(tenantId: string, count: number, type = 'account.completed', facts: object = {}): Promise<number> {
      const accountId = newUuid()
      const one = () => prepareEvent({ type, tenantId, accountId, facts } as never, Date.now())
      const events = Array.from({ length: count }, one)
      const { firstPosition } = await appendBatch(db.database.sql, [makeRequest(tenantId, { events })])
      return Number(firstPosition)
    },
    streams: () => db.admin`select * from mayfly.audit_stream`,
    dueNow: () => db.admin`update mayfly.audit_stream set hold_until = '-infinity', leased_until = '-infinity'`,
    async close() {
      await https.close()
      await db.close()
    },
  }
}
