import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { hashLeaf } from '#core/audit/event.ts'
import { attach } from '#core/connector/attach.ts'
import { followAccount } from '#core/connector/follow-account.ts'
import { sweepAccounts } from '#core/reaper/sweep.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { dropSettled, readOutsideBacklog } from '#db/connector/lease.ts'
import { createTenant, event } from '#test/db/log/requests.ts'
import { clearAccounts, openAccount } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { addConnector, extendAll, outsideDepsOf, refusing, tendAll, World } from '#test/setup/outside.ts'
import { sweepDepsOf } from '#test/setup/sweeping.ts'

let db: TestDatabase
let tenantId: string
let world: World
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 })
})
afterAll(() => db.close())
beforeEach(async () => {
  await clearAccounts(db.admin)
  tenantId = await createTenant(db.admin)
  world = new World()
})

const deps = (changes = {}) => outsideDepsOf(db, world, changes)
const open = (ttlSeconds = 3_600) => openAccount(db.database.sql, tenantId, { ttlSeconds })
const ask = (accountId: string, connectorId: string) =>
  attach(deps(), { tenantId, accountId, generation: undefined, connectorId, facts: {} })
const change = async (accountId: string, transition: string, more = {}) => {
  const [answer] = await transitionAccounts(db.database.sql, [
    { accountId, tenantId, transition, generation: null, event: event(), ...more },
  ])
  if (answer!.outcome === 'done') await followAccount(deps(), { tenantId, accountId, transition })
  return answer!.outcome
}
const claim = (accountId: string) =>
  change(accountId, 'claim', { claim: { personId: randomUUID(), readmitted: true, reviewOn: null } })
const rowsOf = (accountId: string) => db.admin`select * from mayfly.attachment where account_id = ${accountId} order by ordinal`
const logged = async (type: string) => {
  const rows = await db.admin<{ leaf: string; body: string }[]>`
    select e.leaf, b.body from log.entry e join log.body b using (position)
     where e.leaf::jsonb->>'type' = ${type} and e.leaf::jsonb->>'tenant' = ${tenantId} order by position`
  return rows.map(({ leaf, body }) => ({ hash: hashLeaf(leaf), facts: JSON.parse(body) as Record<string, unknown> }))
}

describe('the end of an account', () => {
  test('takes everything down, the last made first, and the receipts say what is gone', async () => {
    const { id } = await open()
    const made: string[] = []
    for (let i = 0; i < 3; i++) made.push((await ask(id, await addConnector(db, tenantId))).row.id)
    await change(id, 'complete')
    expect(await sweepAccounts(sweepDepsOf(db.database))).toMatchObject({ expired: 0, reaped: 0 })
    expect(await tendAll(db, deps())).toEqual(['gone', 'gone', 'gone'])
    expect(world.destroyed).toEqual(made.toReversed())
    const receipts = await logged('attachment.torn_down')
    expect(receipts.map(({ facts }) => facts['destroyed'])).toEqual(Array(3).fill([{ what: 'thing', count: 1 }]))
    const rows = await rowsOf(id)
    expect(rows.map(row => row['receipt'])).toEqual(receipts.map(({ hash }) => hash).toReversed())
    const [summary, ...more] = await logged('account.torn_down')
    expect(more).toEqual([])
    expect((summary!.facts['attachments'] as { outcome: string }[]).map(({ outcome }) => outcome)).toEqual(
      Array(3).fill('destroyed'),
    )
    expect(await sweepAccounts(sweepDepsOf(db.database))).toMatchObject({ expired: 0, reaped: 1 })
  })

  test('told twice takes down once', async () => {
    const { id } = await open()
    await ask(id, await addConnector(db, tenantId))
    await change(id, 'revoke')
    await followAccount(deps(), { tenantId, accountId: id, transition: 'revoke' })
    await tendAll(db, deps())
    await followAccount(deps(), { tenantId, accountId: id, transition: 'revoke' })
    expect(await tendAll(db, deps())).toEqual([])
    expect(await logged('account.torn_down')).toHaveLength(1)
  })

  test('ends access at once and keeps the data for as long as the connector says, then destroys it', async () => {
    const { id } = await open()
    await ask(id, await addConnector(db, tenantId, 3_600))
    await change(id, 'revoke')
    expect(await tendAll(db, deps())).toEqual(['kept'])
    expect([...world.things.values()]).toEqual([{ secret: undefined }])
    expect((await logged('attachment.locked'))[0]!.facts).toMatchObject({ why: 'revoke', kept_seconds: 3_600 })
    // What is kept does not hold the account.
    expect((await sweepAccounts(sweepDepsOf(db.database))).reaped).toBe(1)
    await db.admin`update mayfly.attachment set due_at = clock_timestamp() where account_id = ${id}`
    expect(await tendAll(db, deps())).toEqual(['gone'])
    expect(world.things.size).toBe(0)
  })
})

describe('what fails', () => {
  test('is tried again until it is parked with an alarm, and never dropped; earlier ones wait until then', async () => {
    const { id } = await open()
    const [first, second] = [await ask(id, await addConnector(db, tenantId)), await ask(id, await addConnector(db, tenantId))]
    await change(id, 'revoke')
    world.before = (step, target) => (step === 'destroy' && target.attachmentId === second.row.id ? refusing() : undefined)
    const postpone = (attempts: number) => ({ seconds: attempts >= 3 ? 3_600 : 0, parked: attempts >= 3 })
    expect(await tendAll(db, deps({ postpone }))).toEqual(['postponed', 'postponed', 'parked', 'gone'])
    expect(world.destroyed).toEqual([first.row.id])
    expect((await logged('attachment.parked'))[0]!.facts).toMatchObject({ failed: 'unreachable', attempts: 3 })
    expect(await readOutsideBacklog(db.database.sql)).toMatchObject({ parked: 1, due: 0 })
    expect((await sweepAccounts(sweepDepsOf(db.database))).reaped).toBe(0)
    expect(await logged('account.torn_down')).toEqual([])

    world.before = () => {}
    await db.admin`update mayfly.attachment set due_at = clock_timestamp() where parked`
    expect(await tendAll(db, deps({ postpone }))).toEqual(['gone'])
    expect(await readOutsideBacklog(db.database.sql)).toMatchObject({ parked: 0 })
    expect(await logged('account.torn_down')).toHaveLength(1)
    expect((await sweepAccounts(sweepDepsOf(db.database))).reaped).toBe(1)
  })
})

describe('a claim', () => {
  test('ends all earlier access to every attachment; who may use the account then asks anew', async () => {
    const { id } = await open()
    const connectors = [await addConnector(db, tenantId), await addConnector(db, tenantId)]
    const before = await Promise.all(connectors.map(connector => ask(id, connector)))
    await claim(id)
    expect(await tendAll(db, deps())).toEqual(['locked', 'locked'])
    for (const { access } of before) expect(world.opens(access['secret'])).toBe(false)
    const after = await ask(id, connectors[0]!)
    expect(after.row).toMatchObject({ id: before[0]!.row.id, rotation: 2, generation: 2 })
    expect(world.opens(after.access['secret'])).toBe(true)
    expect(await logged('attachment.locked')).toHaveLength(2)
  })

  test('while access is being renewed: what was renewed is not given out and is locked', async () => {
    const { id } = await open()
    const connector = await addConnector(db, tenantId)
    await ask(id, connector)
    world.before = async step => {
      if (step === 'rotate') await claim(id)
    }
    await expect(ask(id, connector)).rejects.toMatchObject({ code: 'account_not_live' })
    world.before = () => {}
    expect(await tendAll(db, deps())).toEqual(['locked'])
    expect([...world.things.values()]).toEqual([{ secret: undefined }])
  })

  test('that is told late spares access that was given behind it', async () => {
    const { id } = await open()
    const connector = await addConnector(db, tenantId)
    await ask(id, connector)
    await claim(id)
    await tendAll(db, deps())
    const { access } = await ask(id, connector)
    await followAccount(deps(), { tenantId, accountId: id, transition: 'claim' })
    expect(await tendAll(db, deps())).toEqual([])
    expect(world.opens(access['secret'])).toBe(true)
  })

  test('that narrows the account takes down what it may not have any more', async () => {
    const { id } = await open()
    await ask(id, await addConnector(db, tenantId))
    await claim(id)
    await tendAll(db, deps())
    const ceilings = { get: async () => ({ scopes: [], details: [] as [] }) }
    await followAccount(deps({ ceilings }), { tenantId, accountId: id, transition: 'narrow' })
    expect(await tendAll(db, deps())).toEqual(['gone'])
    expect(world.things.size).toBe(0)
    expect((await logged('attachment.torn_down'))[0]!.facts['why']).toBe('narrow')
    expect(await logged('account.torn_down')).toEqual([])
  })
})

test('an extension moves the end of the access too', async () => {
  const { id, deadline } = await open()
  await ask(id, await addConnector(db, tenantId))
  const deadlineSeconds = Math.ceil(deadline) + 600
  expect(await change(id, 'extend', { deadlineSeconds })).toBe('done')
  // Nobody outside was asked by whoever works off the outbox.
  expect(world.extended).toEqual([])
  await extendAll(db, deps())
  expect(world.extended).toEqual([deadlineSeconds])
  await extendAll(db, deps())
  expect(world.extended).toHaveLength(1)
})

test('what has long been gone is forgotten, what is still there is not', async () => {
  const [old, recent, there] = [await open(), await open(), await open()]
  for (const { id } of [old, recent, there]) await ask(id, await addConnector(db, tenantId))
  for (const { id } of [old, recent]) await change(id, 'revoke')
  await tendAll(db, deps())
  await db.admin`update mayfly.attachment set ended_at = now() - interval '91 days' where account_id in (${old.id}, ${there.id})`
  expect(await dropSettled(db.database.sql, 90 * 86_400, 7 * 86_400)).toBe(1)
  expect([(await rowsOf(old.id)).length, (await rowsOf(recent.id)).length, (await rowsOf(there.id)).length]).toEqual([0, 1, 1])
})
