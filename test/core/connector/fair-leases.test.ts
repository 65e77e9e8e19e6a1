// One tenant's servers that hang, or all that it has to take down at once, in front of everybody else's.

import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { drainOutbox } from '#apps/worker/outbox/drain.ts'
import { attachmentHandler } from '#apps/worker/outside/handlers.ts'
import { attach } from '#core/connector/attach.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { type LeaseTerms, leaseAttachments, leaseExtensions } from '#db/connector/lease.ts'
import { createTenant, event } from '#test/db/log/requests.ts'
import { clearAccounts, openAccount } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { addConnector, outsideDepsOf, World } from '#test/setup/outside.ts'

let db: TestDatabase
let world: World
let tenants: string[]
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 })
})
afterAll(() => db.close())
beforeEach(async () => {
  await clearAccounts(db.admin)
  tenants = [await createTenant(db.admin), await createTenant(db.admin)]
  world = new World()
})

const deps = () => outsideDepsOf(db, world)

/** Accounts of a tenant with something attached to each, and what has become of all of them. */
async function attached(tenantId: string, count: number, transition: 'revoke' | 'extend'): Promise<void> {
  const connectorId = await addConnector(db, tenantId)
  const accounts = await Promise.all(Array.from({ length: count }, () => openAccount(db.database.sql, tenantId)))
  for (const { id: accountId } of accounts)
    await attach(deps(), { tenantId, accountId, generation: undefined, connectorId, facts: {} })
  const more = transition === 'extend' && { deadlineSeconds: Math.ceil(accounts[0]!.deadline) + 60 }
  await transitionAccounts(
    db.database.sql,
    accounts.map(({ id }) => ({
      ...{ accountId: id, tenantId, transition, generation: null, event: event(), outbox: {} },
      ...more,
    })),
  )
}

const drain = () =>
  drainOutbox({
    database: db.database,
    logger: createLogger('worker', 'silent'),
    handlers: [attachmentHandler(db.database, deps())],
    concurrency: 1,
  })
const terms = (more: Partial<LeaseTerms> = {}): LeaseTerms => ({ limit: 8, each: 4, leaseSeconds: 60, busy: [], ...more })

describe.each([
  ['taken down', 'revoke', leaseAttachments],
  ['extended', 'extend', leaseExtensions],
] as const)('what is to be %s', (_, transition, lease) => {
  const counted = async (more?: Partial<LeaseTerms>) => {
    const leased = await lease(db.database.sql, terms(more))
    return tenants.map(tenant => leased.filter(({ tenantId }) => tenantId === tenant).length)
  }

  test('is lent to a tenant in its part only, and to who has least under way first', async () => {
    await attached(tenants[0]!, 12, transition)
    await attached(tenants[1]!, 2, transition)
    await drain()
    expect(await counted()).toEqual([4, 2])
    expect(await counted({ busy: Array(4).fill(tenants[0]) })).toEqual([0, 0])
    expect(await counted({ busy: Array(3).fill(tenants[0]) })).toEqual([1, 0])
    await db.admin`update mayfly.attachment set due_at = clock_timestamp(), extend_due = case when extend_due is not null then clock_timestamp() end`
    expect(await counted({ limit: 2, busy: Array(2).fill(tenants[0]) })).toEqual([0, 2])
  })
})

test('F18: an extension at a server that hangs does not hold up the end of another tenant’s account', async () => {
  world.before = step => (step === 'extend' ? new Promise<void>(() => {}) : undefined)
  await attached(tenants[0]!, 3, 'extend')
  await attached(tenants[1]!, 1, 'revoke')
  expect(await Promise.race([drain(), delay(10_000, 'held up', { ref: false })])).toEqual({ done: 4, postponed: 0 })
  expect((await leaseAttachments(db.database.sql, terms())).map(({ tenantId }) => tenantId)).toEqual([tenants[1]])
})
