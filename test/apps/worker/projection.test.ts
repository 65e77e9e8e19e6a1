import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProjection } from '#apps/worker/projection/projection.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { newUuid } from '#core/ids/id.ts'
import { readProjection } from '#db/audit/projection.ts'
import { appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase({ madeUpEvents: true })
})
afterAll(() => db.close())

test('the projection follows the log by itself, also after a round that failed, and says how far it is behind', async () => {
  const complaints: unknown[] = []
  const registry = new Registry()
  let broken = true
  const database = {
    db: {
      getExecutor: () => {
        if (broken) throw new Error('connection lost')
        return db.database.db.getExecutor()
      },
    } as typeof db.database.db,
  }
  const event = prepareEvent({ type: 'account.reaped', tenantId: newUuid(1), facts: {} }, Date.now())
  await appendBatch(
    db.database.sql,
    Array.from({ length: 400 }, () => eventOnly(newUuid(1), event)),
  )
  const logger = { warn: (...line: unknown[]) => complaints.push(line) }
  const projection = startProjection({ database, logger, registry }, 10)
  await expect.poll(() => complaints.length).toBe(1)
  broken = false
  await expect.poll(async () => (await readProjection(db.database.db)).position).toBe(400)
  expect(await registry.getSingleMetricAsString('mayfly_audit_projection_behind')).toMatch(/behind 0$/m)
  await projection.close()
})
