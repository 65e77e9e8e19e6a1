import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUuid } from '#core/ids/id.ts'
import { finishSweeps } from '#core/revocation/finish-sweeps.ts'
import { type RevocationOrder, revokeAgent, revokeTenant } from '#core/revocation/revoke.ts'
import { type SweepingDeps, sweepRevoked } from '#core/revocation/sweep.ts'
import { type AccountChange, transitionAccounts } from '#db/accounts/transition.ts'
import { findSweep } from '#db/revocation/sweeps.ts'
import { createTenant } from '#test/db/log/requests.ts'
import { openAccounts } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

/** A tenant with one agent. */
async function register(): Promise<{ tenantId: string; agentId: string }> {
  const [tenantId, agentId] = [await createTenant(db.admin), newUuid()]
  await db.admin`
    with c as (
      insert into mayfly.ceiling (hash, permission) values (${Buffer.from(agentId)}, '{"details":[],"scopes":[]}') returning id
    )
    insert into mayfly.agent (id, tenant_id, name, owner, review_on, rules, ceiling_id, settings)
      select ${agentId}, ${tenantId}, 'agent', 'team', '2099-01-01', '[]', c.id, '{"token_ttl_seconds": 300}' from c`
  return { tenantId, agentId }
}

const dbOf = (tenantId: string) => db.database.db.forTenant(tenantId)
const transition = (changes: readonly AccountChange[]) => transitionAccounts(db.database.sql, changes)
const depsWith = (change: Partial<SweepingDeps> = {}): SweepingDeps => ({ dbOf, transition, batch: 2, ...change })
const orderIn = (tenantId: string): RevocationOrder => ({ id: newUuid(), tenantId, facts: { by: 'operator' }, nowMs: Date.now() })
const revoke = async (tenantId: string, agentId: string): Promise<RevocationOrder> => {
  const order = orderIn(tenantId)
  await dbOf(tenantId)
    .transaction()
    .execute(trx => revokeAgent(trx, order, { agentId, suspend: false }))
  return order
}
const states = async (tenantId: string): Promise<Record<string, number>> => {
  const rows = await db.admin<{ state: string; n: number }[]>`
    select state::text, count(*)::int as n from mayfly.account where tenant_id = ${tenantId} group by 1`
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]))
}

describe('the accounts behind a revocation', () => {
  test('end in batches, all of the agent and none of another', async () => {
    const { tenantId, agentId } = await register()
    await openAccounts(db.database.sql, tenantId, 5, { agent: agentId })
    await openAccounts(db.database.sql, tenantId, 3)
    const order = await revoke(tenantId, agentId)
    expect(await sweepRevoked(depsWith(), order)).toBe(5)
    expect(await states(tenantId)).toEqual({ r: 5, a: 3 })
    expect(await findSweep(dbOf(tenantId), order)).toEqual({ ended: 5, finished: true })
    expect(await sweepRevoked(depsWith(), order)).toBe(0)
  })

  test('go on ending behind the last batch when whoever was at it died', async () => {
    const { tenantId, agentId } = await register()
    await openAccounts(db.database.sql, tenantId, 5, { agent: agentId })
    const order = await revoke(tenantId, agentId)
    let batches = 0
    const dies = (changes: readonly AccountChange[]) => {
      batches += 1
      if (batches === 2) throw new Error('killed')
      return transition(changes)
    }
    await expect(sweepRevoked(depsWith({ transition: dies }), order)).rejects.toMatchObject({ code: 'log_unavailable' })
    expect(await states(tenantId)).toEqual({ r: 2, a: 3 })
    const complaints: unknown[] = []
    const deps = { ...depsWith(), db: db.database.db, complain: (error: unknown) => complaints.push(error) }
    // Somebody may still be at it.
    expect(await finishSweeps({ ...deps, idleSeconds: 60 })).toBe(0)
    expect(await finishSweeps({ ...deps, idleSeconds: 0 })).toBe(3)
    expect([await states(tenantId), complaints]).toEqual([{ r: 5 }, []])
  })

  test('end once, however many are at it', async () => {
    const { tenantId, agentId } = await register()
    await openAccounts(db.database.sql, tenantId, 20, { agent: agentId })
    const order = await revoke(tenantId, agentId)
    const ended = await Promise.all([1, 2, 3].map(() => sweepRevoked(depsWith({ batch: 3 }), order)))
    expect(ended.reduce((sum, count) => sum + count, 0)).toBe(20)
    expect(await states(tenantId)).toEqual({ r: 20 })
  })

  test('are those of before it, to the commit: none that was opened behind it', async () => {
    const { tenantId, agentId } = await register()
    const before = await openAccounts(db.database.sql, tenantId, 2, { agent: agentId })
    const order = await revoke(tenantId, agentId)
    await openAccounts(db.database.sql, tenantId, 4, { agent: agentId })
    expect(await sweepRevoked(depsWith(), order)).toBe(before.length)
    expect(await states(tenantId)).toEqual({ r: 2, a: 4 })
  })

  test('stay with those who claimed them; only the agent is shut out', async () => {
    const { tenantId, agentId } = await register()
    const [readmitted, shut] = await openAccounts(db.database.sql, tenantId, 2, { agent: agentId })
    await db.admin`update mayfly.account set state = 'c', deadline = 'infinity', readmitted = id = ${readmitted!.id} where tenant_id = ${tenantId}`
    const order = await revoke(tenantId, agentId)
    expect(await sweepRevoked(depsWith(), order)).toBe(1)
    const rows =
      await db.admin`select id, state::text, generation, readmitted from mayfly.account where tenant_id = ${tenantId} order by generation desc`
    expect(rows).toEqual([
      { id: readmitted!.id, state: 'c', generation: 2, readmitted: false },
      { id: shut!.id, state: 'c', generation: 1, readmitted: false },
    ])
  })

  test('of a tenant are all of its own', async () => {
    const [mine, others] = [await register(), await register()]
    for (const { tenantId } of [mine, others]) await openAccounts(db.database.sql, tenantId, 3)
    const order = orderIn(mine.tenantId)
    await dbOf(mine.tenantId)
      .transaction()
      .execute(trx => revokeTenant(trx, order, 'https://broker.example'))
    expect(await sweepRevoked(depsWith(), order)).toBe(3)
    expect([await states(mine.tenantId), await states(others.tenantId)]).toEqual([{ r: 3 }, { a: 3 }])
  })
})
