import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { attach } from '#core/connector/attach.ts'
import { followAccount } from '#core/connector/follow-account.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { createTenant, event } from '#test/db/log/requests.ts'
import { clearAccounts, lineageUnder, openAccount, readAccountEvents } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { addConnector, dyingAt, endLeases, outsideDepsOf, refusing, tendAll, World } from '#test/setup/outside.ts'

let db: TestDatabase
let tenantId: string
let connectorId: string
let world: World
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 })
})
afterAll(() => db.close())
beforeEach(async () => {
  await clearAccounts(db.admin)
  tenantId = await createTenant(db.admin)
  connectorId = await addConnector(db, tenantId)
  world = new World()
})

const deps = (changes = {}) => outsideDepsOf(db, world, changes)
const open = (ttlSeconds = 3_600) => openAccount(db.database.sql, tenantId, { ttlSeconds })
const ask = (accountId: string, changes = {}) =>
  attach(deps(changes), { tenantId, accountId, generation: undefined, connectorId, facts: { by: 'agent' } })
const change = async (accountId: string, transition: string, more = {}) => {
  const [answer] = await transitionAccounts(db.database.sql, [
    { accountId, tenantId, transition, generation: null, event: event(), ...more },
  ])
  if (answer!.outcome === 'done') await followAccount(deps(), { tenantId, accountId, transition })
  return answer!.outcome
}
const states = async (accountId: string) =>
  (await db.admin`select state from mayfly.attachment where account_id = ${accountId} order by ordinal`).map(row => row['state'])
const eventsOf = async (accountId: string) =>
  ((await readAccountEvents(db.admin, '%')).get(accountId) ?? []).filter(
    type => !type.startsWith('account.') || type.endsWith('down'),
  )

describe('attaching', () => {
  test('gives access once; asking again gives other access and ends the first', async () => {
    const { id } = await open()
    const first = await ask(id)
    expect(world.opens(first.access['secret'])).toBe(true)
    const second = await ask(id)
    expect(second.row.id).toBe(first.row.id)
    expect(second.row.rotation).toBe(2)
    expect(world.opens(first.access['secret'])).toBe(false)
    expect(world.opens(second.access['secret'])).toBe(true)
    expect(await eventsOf(id)).toEqual(['attachment.created', 'attachment.rotated'])
  })

  test('keeps the access nowhere: not in a row, not in the log', async () => {
    const { id } = await open()
    const { access } = await ask(id)
    const [found] = await db.admin`
      select count(*)::int as n from (select a::text as t from mayfly.attachment a union all select leaf from log.entry
        union all select body from log.body union all select o::text from mayfly.outbox o) x where t like ${`%${access['secret']}%`}`
    expect(found!['n']).toBe(0)
  })

  test.each(['complete', 'revoke', 'expire'])('is refused after %s, with every worker stopped', async transition => {
    const { id } = await open(transition === 'expire' ? -1 : 3_600)
    if (transition !== 'expire') await change(id, transition)
    await expect(ask(id)).rejects.toMatchObject({ code: 'account_not_live' })
    expect(world.things.size).toBe(0)
  })

  test('is refused where the ceiling does not hold what the connector asks for', async () => {
    const { id } = await open()
    const ceilings = { get: async () => ({ scopes: ['other'], details: [] }) }
    await expect(ask(id, { ceilings })).rejects.toMatchObject({ code: 'forbidden' })
    expect(await states(id)).toEqual([])
  })

  test("is not possible with another tenant's connector or account", async () => {
    const [stranger, { id }] = [await createTenant(db.admin), await open()]
    const foreign = await addConnector(db, stranger)
    const request = { tenantId, accountId: id, generation: undefined, connectorId: foreign, facts: {} }
    await expect(attach(deps(), request)).rejects.toMatchObject({ code: 'not_found' })
    const elsewhere = { ...request, tenantId: stranger, connectorId: foreign }
    await expect(attach(deps(), elsewhere)).rejects.toMatchObject({ code: 'account_not_live' })
  })

  test('to a child is refused from the commit on that ends its parent, and what it has goes with it', async () => {
    const parent = await open()
    const child = await openAccount(db.database.sql, tenantId, { lineage: lineageUnder(parent) })
    await ask(child.id)
    await change(parent.id, 'revoke')
    await expect(ask(child.id)).rejects.toMatchObject({ code: 'account_not_live' })
    await change(child.id, 'revoke')
    await tendAll(db, deps())
    expect(world.things.size).toBe(0)
  })

  test('is bounded: what is kept counts as there, and what is gone counts too', async () => {
    const [{ id: kept }, { id: gone }] = [await open(), await open()]
    await ask(kept)
    await ask(gone)
    const copy = (accountId: string, state: string, count: number) => db.admin`
      insert into mayfly.attachment (id, tenant_id, account_id, agent_id, connector_id, state, generation, rotation, due_at)
        select gen_random_uuid(), a.tenant_id, a.account_id, a.agent_id, gen_random_uuid(), ${state}, 1, 1, 'infinity'
          from mayfly.attachment a, generate_series(1, ${count}) where a.account_id = ${accountId}`
    await copy(kept, 'kept', 15)
    await copy(gone, 'gone', 254)
    const another = await addConnector(db, tenantId)
    const attachTo = (accountId: string, connector: string) =>
      attach(deps(), { tenantId, accountId, generation: undefined, connectorId: connector, facts: {} })
    await expect(attachTo(kept, another)).rejects.toMatchObject({ code: 'conflict' })
    await attachTo(gone, another)
    await expect(attachTo(gone, await addConnector(db, tenantId))).rejects.toMatchObject({ code: 'conflict' })
    // What is there can always be renewed.
    expect((await ask(kept)).row.rotation).toBe(2)
  })

  test('by a token of an earlier generation is refused', async () => {
    const { id } = await open()
    const request = { tenantId, accountId: id, generation: 2, connectorId, facts: {} }
    await expect(attach(deps(), request)).rejects.toMatchObject({ code: 'account_not_live' })
  })

  test('twice at once makes one thing, with one credential that works', async () => {
    const { id } = await open()
    const answers = await Promise.allSettled([ask(id), ask(id), ask(id), ask(id)])
    const good = answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []))
    expect(good.length).toBeGreaterThan(0)
    expect(world.things.size).toBe(1)
    expect(good.filter(({ access }) => world.opens(access['secret']))).toHaveLength(1)
    for (const answer of answers)
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'attachment_busy' })
  })

  test('that fails outside says so, and what may have been made is taken down', async () => {
    const { id } = await open()
    world.before = step => (step === 'provision' ? refusing() : undefined)
    await expect(ask(id)).rejects.toMatchObject({ code: 'connector_failed', hint: 'Reason: unreachable.' })
    expect(await tendAll(db, deps())).toEqual(['gone'])
    world.before = () => {}
    await ask(id)
    expect(await eventsOf(id)).toEqual(['attachment.abandoned', 'attachment.created'])
  })
})

describe('the end of an account', () => {
  test('while something is being made for it: nothing of it stays, and its access is not given out', async () => {
    const { id } = await open()
    world.before = async step => {
      if (step === 'provision') await change(id, 'revoke')
    }
    await expect(ask(id)).rejects.toMatchObject({ code: 'account_not_live' })
    expect(await tendAll(db, deps())).toEqual(['gone'])
    expect(world.things.size).toBe(0)
  })

  test('while access is being renewed: nothing of it stays', async () => {
    const { id } = await open()
    await ask(id)
    world.before = async step => {
      if (step === 'rotate') await change(id, 'complete')
    }
    await expect(ask(id)).rejects.toMatchObject({ code: 'account_not_live' })
    await tendAll(db, deps())
    expect(world.things.size).toBe(0)
    expect(await eventsOf(id)).toContain('account.torn_down')
  })
})

describe('a process that dies', () => {
  test.each([
    ['attachment-begun', 0],
    ['attachment-made', 1],
  ] as const)('at %s while it makes something leaves no orphan, and the account can ask again', async (moment, made) => {
    const { id } = await open()
    const { failpoint, dead } = dyingAt(moment)
    void ask(id, { failpoint })
    await dead
    expect(world.things.size).toBe(made)
    expect(await tendAll(db, deps())).toEqual([])
    await expect(ask(id)).rejects.toMatchObject({ code: 'attachment_busy' })
    await endLeases(db)
    expect(await tendAll(db, deps())).toEqual(['gone'])
    expect(world.things.size).toBe(0)
    expect(world.opens((await ask(id)).access['secret'])).toBe(true)
  })

  test.each(['attachment-begun', 'attachment-made'] as const)(
    'at %s while it renews access leaves nobody with access, and the account can ask again',
    async moment => {
      const { id } = await open()
      await ask(id)
      const { failpoint, dead } = dyingAt(moment)
      void ask(id, { failpoint })
      await dead
      await endLeases(db)
      expect(await tendAll(db, deps())).toEqual(['locked'])
      expect([...world.things.values()]).toEqual([{ secret: undefined }])
      expect(world.opens((await ask(id)).access['secret'])).toBe(true)
    },
  )

  test('behind the commit leaves something active, to which asking again gives access', async () => {
    const { id } = await open()
    const { failpoint, dead } = dyingAt('attachment-committed')
    void ask(id, { failpoint })
    await dead
    expect(await states(id)).toEqual(['active'])
    expect((await ask(id)).row.rotation).toBe(2)
  })

  test.each(['teardown-begun', 'teardown-done'] as const)('at %s: the next one finishes, one receipt', async moment => {
    const { id } = await open()
    await ask(id)
    await change(id, 'revoke')
    const { failpoint, dead } = dyingAt(moment)
    void tendAll(db, deps({ failpoint }))
    await dead
    await endLeases(db)
    expect(await tendAll(db, deps())).toEqual(['gone'])
    expect(world.things.size).toBe(0)
    expect((await eventsOf(id)).filter(type => type.endsWith('torn_down'))).toEqual(['attachment.torn_down', 'account.torn_down'])
  })

  test('F9: and comes back when its lease has long ended gets nothing, and what it made behind the teardown is taken down again', async () => {
    const { id } = await open()
    const { promise, resolve } = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    world.before = step => {
      if (step !== 'provision') return
      begun.resolve()
      return promise
    }
    const stalled = ask(id)
    await begun.promise
    await endLeases(db)
    expect(await tendAll(db, deps())).toEqual(['gone'])
    resolve()
    await expect(stalled).rejects.toMatchObject({ code: 'attachment_busy' })
    expect(world.things.size).toBe(1)
    await tendAll(db, deps())
    expect(world.things.size).toBe(0)
  })
})
