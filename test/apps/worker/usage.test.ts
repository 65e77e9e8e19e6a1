import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUsageRounds } from '#apps/worker/usage.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { newUuid } from '#core/ids/id.ts'
import { appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { sampleFacts } from '#test/setup/sample-events.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

const tenantId = newUuid(Date.now())
const issue = () => {
  const event = prepareEvent(
    { type: 'token.issued', tenantId, agentId: tenantId, accountId: tenantId, facts: sampleFacts('token.issued') },
    Date.now(),
  )
  return appendBatch(db.database.sql, [eventOnly(tenantId, event)])
}
const tokens = async (): Promise<number> => {
  const [row] = await db.admin`select coalesce(sum(tokens), 0)::int as n from mayfly.usage where tenant_id = ${tenantId}`
  return row!['n']
}

test('usage follows the log by itself, also after a round that failed', async () => {
  const complaints: unknown[] = []
  let broken = true
  const sql = ((...args: unknown[]) => {
    if (broken) return Promise.reject(new Error('connection lost'))
    return (db.database.sql as unknown as (...args: unknown[]) => unknown)(...args)
  }) as unknown as TestDatabase['database']['sql']
  const rounds = startUsageRounds({ sql }, { warn: (...line: unknown[]) => complaints.push(line) }, 10)
  await issue()
  await expect.poll(() => complaints.length).toBe(1)
  broken = false
  await expect.poll(tokens).toBe(1)
  await issue()
  await expect.poll(tokens).toBe(2)
  await rounds.close()
})
