import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { sweepAccounts } from '#core/reaper/sweep.ts'
import { dropTombstones, readReaperBacklog } from '#db/accounts/due.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { createTenant, event } from '#test/db/log/requests.ts'
import { clearAccounts, lineageUnder, openAccount, openAccounts, readAccountEvents } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { sweepDepsOf } from '#test/setup/sweeping.ts'

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 })
})
afterAll(() => db.close())
beforeEach(async () => {
  await clearAccounts(db.admin)
  tenantId = await createTenant(db.admin)
})

const sweep = (changes = {}) => sweepAccounts(sweepDepsOf(db.database, changes))
const open = (settings = {}) => openAccount(db.database.sql, tenantId, settings)
const revoke = (accountId: string) =>
  transitionAccounts(db.database.sql, [{ accountId, tenantId, transition: 'revoke', generation: null, event: event() }])

const rowsLeft = async () => {
  const [row] = await db.admin<[{ accounts: number; tombstones: number; live: number }]>`
    select (select count(*)::int from mayfly.account) as accounts, (select count(*)::int from mayfly.tombstone) as tombstones,
           (select coalesce(sum(live), 0)::int from mayfly.live_count) as live`
  return row
}

describe('a sweep', () => {
  test('expires and collects what is past its deadline, and nothing else', async () => {
    const due = await openAccounts(db.database.sql, tenantId, 3, { ttlSeconds: -5 })
    const active = await open()
    const claimed = await open()
    const claim = { personId: randomUUID(), readmitted: false, reviewOn: null }
    await transitionAccounts(db.database.sql, [
      { accountId: claimed.id, tenantId, transition: 'claim', generation: null, claim, event: event() },
    ])
    expect(await sweep()).toMatchObject({ expired: 3, reaped: 3 })
    expect(await sweep()).toMatchObject({ expired: 0, reaped: 0 })
    expect(await rowsLeft()).toEqual({ accounts: 2, tombstones: 3, live: 2 })
    const events = await readAccountEvents(db.admin)
    for (const { id } of due) expect(events.get(id)).toEqual(['account.opened', 'account.expired', 'account.reaped'])
    expect(events.get(active.id)).toEqual(['account.opened'])
  })

  test('drains more than a batch, the oldest deadline first', async () => {
    const order: number[] = []
    await openAccounts(db.database.sql, tenantId, 120, index => ({ ttlSeconds: -1 - ((index * 37) % 120) }))
    expect(await sweep({ batch: 25, observeLateness: (lateMs: number) => order.push(Math.round(lateMs / 1_000)) })).toMatchObject(
      { expired: 120, reaped: 120 },
    )
    expect(order).toHaveLength(120)
    expect(order).toEqual(order.toSorted((a, b) => b - a))
  })

  test('drains accounts of one deadline', async () => {
    const deadline = Date.now() / 1_000 - 10
    await openAccounts(db.database.sql, tenantId, 60, () => ({ deadline }))
    expect(await sweep({ batch: 7 })).toMatchObject({ expired: 60, reaped: 60 })
  })

  test('by three workers at once changes each account once, and together they leave nothing', async () => {
    await openAccounts(db.database.sql, tenantId, 1_500, { ttlSeconds: -1 })
    const rounds = await Promise.all([sweep({ batch: 100 }), sweep({ batch: 100 }), sweep({ batch: 100 })])
    const last = await sweep()
    const sum = (of: 'expired' | 'reaped') => [...rounds, last].reduce((total, round) => total + round[of], 0)
    expect([sum('expired'), sum('reaped')]).toEqual([1_500, 1_500])
    expect(await rowsLeft()).toEqual({ accounts: 0, tombstones: 1_500, live: 0 })
    const events = [...(await readAccountEvents(db.admin, 'account.reaped')).values()]
    expect(events.filter(({ length }) => length !== 1)).toEqual([])
  })

  test('leaves a parent until no child of it counts any more', async () => {
    const root = await open()
    const child = await open({ lineage: lineageUnder(root) })
    await revoke(root.id)
    expect(await sweep()).toMatchObject({ expired: 0, reaped: 0 })
    await revoke(child.id)
    expect(await sweep()).toMatchObject({ expired: 0, reaped: 2 })
    expect(await rowsLeft()).toEqual({ accounts: 0, tombstones: 2, live: 0 })
    expect(await db.admin`select from mayfly.live_count where scope = ${root.id}`).toHaveLength(0)
    expect(await db.admin`select from mayfly.lineage`).toHaveLength(0)
  })

  test('collects what is free behind what still waits for something outside, and leaves that', async () => {
    const accounts = await openAccounts(db.database.sql, tenantId, 40, { ttlSeconds: -1 })
    await db.admin`
      insert into mayfly.attachment (id, tenant_id, account_id, agent_id, connector_id, state, generation, rotation, due_at)
        select gen_random_uuid(), tenant_id, id, agent_id, gen_random_uuid(), 'ending', 1, 1, now() from mayfly.account
         order by id limit 30`
    expect(await sweep({ batch: 7 })).toMatchObject({ expired: 40, reaped: 10 })
    await db.admin`update mayfly.attachment set state = 'gone'`
    expect(await sweep({ batch: 7 })).toMatchObject({ reaped: 30 })
    expect(await rowsLeft()).toEqual({ accounts: 0, tombstones: accounts.length, live: 0 })
  })

  test('looks at a bounded number of those that wait, and goes on behind them in the next round', async () => {
    const asked: string[] = []
    const readEnded = async (after: string) => {
      asked.push(after)
      return { accounts: [], seenTo: String(asked.length).padStart(36, '0') }
    }
    const { resumeAt } = await sweep({ readEnded })
    expect(asked.length).toBeLessThanOrEqual(10)
    await sweepAccounts(sweepDepsOf(db.database, { readEnded }), resumeAt)
    expect(new Set(asked).size).toBe(asked.length)
  })

  test('finds the one account that the database refuses to change, complains of it, and changes the others', async () => {
    const accounts = await openAccounts(db.database.sql, tenantId, 20, { ttlSeconds: -1 })
    const bad = accounts[13]!
    await db.admin`update mayfly.live_count set live = 0 where scope = ${bad.agent}`
    const complain = vi.fn()
    expect(await sweep({ complain })).toMatchObject({ expired: 19, reaped: 19 })
    expect(complain).toHaveBeenCalledWith(expect.anything(), bad.id)
  })

  test('that cannot reach the log rejects, and changes nothing', async () => {
    await open({ ttlSeconds: -1 })
    const transition = () => Promise.reject(new Error('connection lost'))
    await expect(sweep({ transition })).rejects.toMatchObject({ code: 'log_unavailable' })
    expect(await sweep()).toMatchObject({ expired: 1, reaped: 1 })
  })
})

test('tombstones go when their retention ends, by the hour, and not before', async () => {
  await openAccounts(db.database.sql, tenantId, 1_200, { ttlSeconds: -1 })
  await sweep()
  await db.admin`update mayfly.tombstone set ended_at = ended_at - interval '90 days 1 hour'
    where task_key in (select task_key from mayfly.tombstone limit 1100)`
  expect(await dropTombstones(db.database.sql, 91 * 86_400)).toBe(0)
  expect(await dropTombstones(db.database.sql, 90 * 86_400)).toBe(1_100)
  expect((await rowsLeft()).tombstones).toBe(100)
})

test('the backlog tells what waits', async () => {
  await openAccounts(db.database.sql, tenantId, 3, { ttlSeconds: -1 })
  await revoke((await open()).id)
  expect(await readReaperBacklog(db.database.sql)).toEqual({ due: 3, ended: 1, outbox: 1, parked: 0 })
})

test('what the worker asks for are functions that nobody but the runtime role may call', async () => {
  const names = [
    'across.due_accounts',
    'across.lease_outbox',
    'across.finish_outbox',
    'across.drop_tombstones',
    'log.ended_accounts',
  ]
  const open = await db.admin`
    select p.oid::regprocedure::text as name from pg_proc p, aclexplode(p.proacl) a
     where a.grantee = 0 and p.oid::regproc::text = any(${names})`
  expect(open).toEqual([])
})
