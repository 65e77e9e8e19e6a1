import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { startRevocationSweeps } from '#apps/worker/revocation-sweeps.ts'
import { newUuid } from '#core/ids/id.ts'
import { revokeTenant } from '#core/revocation/revoke.ts'
import { findSweep } from '#db/revocation/sweeps.ts'
import { createTenant } from '#test/db/log/requests.ts'
import { openAccounts } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

test('accounts behind a revocation end though the broker that made it is gone, in every tenant, as soon as there is a worker', async () => {
  const tenants = [await createTenant(db.admin), await createTenant(db.admin)]
  const orders = []
  for (const tenantId of tenants) {
    await openAccounts(db.database.sql, tenantId, 3)
    const order = { id: newUuid(), tenantId, facts: { by: 'operator' }, nowMs: Date.now() }
    await db.database.db
      .forTenant(tenantId)
      .transaction()
      .execute(trx => revokeTenant(trx, order, 'https://broker.example'))
    orders.push(order)
  }
  const logLines: string[] = []
  const logger = createLogger('worker', 'info', line => logLines.push(line))
  const sweeps = startRevocationSweeps(db.database, logger, 0)
  try {
    for (const order of orders)
      await vi.waitFor(async () =>
        expect(await findSweep(db.database.db.forTenant(order.tenantId), order)).toEqual({ ended: 3, finished: true }),
      )
  } finally {
    await sweeps.close()
  }
  const rows = await db.admin`select state::text as state, count(*)::int as n from mayfly.account group by 1`
  expect(rows).toEqual([{ state: 'r', n: 6 }])
  expect(logLines.join('')).not.toContain('"level":50')
})
