import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { leaseMessages } from '#db/webhook/messages.ts'
import { createTenant } from '#test/db/log/requests.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

/** Webhooks of a tenant, with so many messages for each. */
async function waiting(tenantId: string, webhooks: number, messages: number): Promise<string[]> {
  const ids = Array.from({ length: webhooks }, () => randomUUID())
  for (const id of ids) {
    await db.admin`
      insert into mayfly.webhook (id, tenant_id, name, config, secret_sealed, kek_id) values (${id}, ${tenantId}, ${id}, '{}', '', 'k')`
    await db.admin`
      insert into mayfly.webhook_message (id, tenant_id, webhook_id, event, type, body)
        select gen_random_uuid(), ${tenantId}, ${id}, n::text, 'account.revoked', '{}' from generate_series(1, ${messages}) n`
  }
  return ids
}

test('F18: a tenant whose many webhooks are slow gets half of the senders at most, and who has least under way comes first', async () => {
  const [loud, quiet] = [await createTenant(db.admin), await createTenant(db.admin)]
  await waiting(loud, 20, 10)
  await waiting(quiet, 1, 3)
  const lease = (limit: number, busy: readonly string[]) =>
    leaseMessages(db.database.sql, { limit, each: 4, leaseSeconds: 60, busy })
  const first = await lease(16, [])
  const of = (tenantId: string, messages: typeof first) => messages.filter(message => message.tenantId === tenantId)
  expect([of(loud, first).length, of(quiet, first).length]).toEqual([8, 3])
  const busy = of(loud, first).map(({ webhookId }) => webhookId)
  // All that is under way belongs to one: it gets no more until something of it is over.
  expect(await lease(8, busy)).toEqual([])
  await db.admin`update mayfly.webhook_message set due_at = clock_timestamp()`
  expect((await lease(3, busy)).map(({ tenantId }) => tenantId)).toEqual([quiet, quiet, quiet])
})
