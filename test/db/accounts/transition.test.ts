import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transitions } from '#core/account/transitions.ts'
import { readAccounts } from '#db/accounts/read-accounts.ts'
import { type AccountChange, transitionAccounts } from '#db/accounts/transition.ts'
import { type AppendRequest, appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { countRows, createTenant, event, inSeconds, makeOpening, makeRequest } from '../log/requests.ts'

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase()
  tenantId = await createTenant(db.admin)
})
afterAll(() => db.close())

const append = (...requests: AppendRequest[]) => appendBatch(db.database.sql, requests)
const transition = (...changes: AccountChange[]) => transitionAccounts(db.database.sql, changes)
const change = (accountId: string, name: string, more: Partial<AccountChange> = {}): AccountChange => ({
  accountId,
  tenantId,
  transition: name,
  generation: null,
  event: event(),
  ...more,
})

async function open(more: Partial<NonNullable<AppendRequest['opening']>> = {}) {
  const opening = { ...makeOpening(tenantId), ...more }
  const { outcomes } = await append(makeRequest(tenantId, { opening }))
  return { ...opening, outcome: outcomes[0] }
}

const liveOf = async (scope: string): Promise<number> => {
  const [row] = await db.admin`select live from mayfly.live_count where scope = ${scope}`
  return row?.['live'] ?? 0
}

const lineageUnder = (parent: { id: string }, root = parent, ancestors = [parent.id]) => ({
  root: root.id,
  parent: parent.id,
  depth: ancestors.length,
  max_depth: 4,
  ancestors,
  generations: ancestors.map(() => 1),
  agents: ancestors.map(() => randomUUID()),
  quota: null,
})

test('the table in the database and the one in the program say the same', async () => {
  const rows =
    await db.admin`select name, from_state::text as from, to_state::text as to, due, raises, of_child from log.transition`
  const flat = Object.entries(transitions).flatMap(([name, row]) =>
    row.from.map(from => ({
      name,
      from,
      to: row.to,
      due: from === 'c' || from === 'h' ? null : row.due,
      raises: row.raisesGeneration,
      of_child: row.ofChild,
    })),
  )
  const key = (row: object) => JSON.stringify(row)
  expect(
    rows
      .map(row => ({ ...row }))
      .map(key)
      .sort(),
  ).toEqual(flat.map(key).sort())
})

describe('a change', () => {
  test('is made with its leaf and its outbox row, and raises the generation where the table says so', async () => {
    const account = await open()
    const before = await countRows(db.admin)
    const [answer] = await transition(change(account.id, 'complete', { outbox: { why: 'done' } }))
    expect(answer).toMatchObject({ outcome: 'done', state: 'm', generation: 2 })
    expect((await countRows(db.admin)).size).toBe(before.size + 1)
    expect(await db.admin`select transition, generation, payload from mayfly.outbox where account_id = ${account.id}`).toEqual([
      { transition: 'complete', generation: 2, payload: { why: 'done' } },
    ])
  })

  test('that does not hold writes nothing, and takes no other with it', async () => {
    const [ended, live] = [await open(), await open()]
    await transition(change(ended.id, 'complete'))
    const before = await countRows(db.admin)
    const answers = await transition(
      change(ended.id, 'revoke'),
      change(live.id, 'revoke'),
      change(randomUUID(), 'revoke'),
      change((await open()).id, 'revoke', { generation: 7 }),
      change((await open()).id, 'expire'),
      change((await open()).id, 'revoke', { tenantId: randomUUID() }),
    )
    expect(answers.map(({ outcome }) => outcome)).toEqual(['conflict', 'done', 'not_found', 'conflict', 'not_due', 'not_found'])
    expect((await countRows(db.admin)).size).toBe(before.size + 1 + 3)
  })

  test('needs each account once, and as many leaves as changes', async () => {
    const { id } = await open()
    await expect(transition(change(id, 'revoke'), change(id, 'complete'))).rejects.toMatchObject({ code: '22023' })
    await expect(transition(change(id, 'revoke', { event: { leaf: '{}\n{}', body: '{}' } }))).rejects.toMatchObject({
      code: '22023',
    })
  })

  test('before the deadline is refused behind it, and expiry before it', async () => {
    const account = await open({ deadline: Date.now() / 1000 + 0.2 })
    expect((await transition(change(account.id, 'expire')))[0]!.outcome).toBe('not_due')
    await expect.poll(async () => (await transition(change(account.id, 'expire')))[0]!.outcome).toBe('done')
    const late = await open({ deadline: Date.now() / 1000 - 1 })
    for (const name of ['complete', 'extend', 'claim', 'revoke'])
      expect((await transition(change(late.id, name, { deadlineSeconds: inSeconds(99) })))[0]!.outcome, name).toBe('conflict')
  })
})

describe('a claim', () => {
  test('lifts the deadline, raises the generation, ends the secret, and keeps the agent out unless it was let in', async () => {
    const account = await open()
    const claim = { personId: randomUUID(), readmitted: false, reviewOn: '2030-01-31' }
    const [answer] = await transition(change(account.id, 'claim', { claim }))
    expect(answer).toEqual({ outcome: 'done', state: 'c', generation: 2, deadlineSeconds: Number.POSITIVE_INFINITY })
    expect((await readAccounts(db.database.sql, [{ tenantId, name: account.id }], []))[0]).toMatchObject({
      state: 'c',
      deadlineSeconds: Number.POSITIVE_INFINITY,
      readmitted: false,
    })
    const use = (generation: number) => append(makeRequest(tenantId, { account: { id: account.id, generation } }))
    expect((await use(2)).outcomes).toEqual(['account_not_live'])
    await transition(change(account.id, 'readmit'))
    expect((await use(2)).outcomes).toEqual(['appended'])
    expect((await use(1)).outcomes).toEqual(['account_not_live'])
    await transition(change(account.id, 'suspend'))
    expect((await use(2)).outcomes).toEqual(['account_not_live'])
    const again = makeOpening(tenantId)
    const answered = await append(makeRequest(tenantId, { opening: { ...again, task_key: account.task_key } }))
    expect(answered.existing[0]).toMatchObject({ state: 'c', deadlineSeconds: Number.POSITIVE_INFINITY })
  })
})

describe('reaping', () => {
  test('leaves a tombstone that blocks the task, and frees no task for anybody', async () => {
    const account = await open()
    expect((await transition(change(account.id, 'reap')))[0]!.outcome).toBe('conflict')
    await transition(change(account.id, 'complete'))
    expect((await transition(change(account.id, 'reap')))[0]).toMatchObject({ outcome: 'done', state: null })
    expect(await readAccounts(db.database.sql, [{ tenantId, name: account.id }], [])).toEqual([])
    expect((await open({ task_key: account.task_key })).outcome).toBe('task_ended')
    expect((await append(makeRequest(tenantId, { account: { id: account.id, generation: 1 } }))).outcomes).toEqual([
      'account_not_live',
    ])
  })
})

describe('room', () => {
  test('is never exceeded, goes to the first of a batch, and is free at once', async () => {
    const agent = randomUUID()
    const limits = { agent: 2 }
    const openings = Array.from({ length: 4 }, () => ({ ...makeOpening(tenantId), agent, limits }))
    const { outcomes } = await append(...openings.map(opening => makeRequest(tenantId, { opening })))
    expect(outcomes).toEqual(['appended', 'appended', 'agent_full', 'agent_full'])
    expect(await liveOf(agent)).toBe(2)
    // Who asks again for what is there is told what is there.
    expect((await open({ ...openings[0]!, id: randomUUID() })).outcome).toBe('account_exists')
    expect((await open({ agent, limits })).outcome).toBe('agent_full')
    await transition(change(openings[0]!.id, 'complete'))
    expect((await open({ agent, limits })).outcome).toBe('appended')
    expect(await liveOf(agent)).toBe(2)
    const address = randomUUID()
    const near = await open({ address, limits: { address: 1 } })
    expect((await open({ address, limits: { address: 1 } })).outcome).toBe('address_full')
    await transition(change(near.id, 'revoke'))
    expect(await liveOf(address)).toBe(0)
    expect((await open({ address, limits: { address: 1 } })).outcome).toBe('appended')
    const other = await createTenant(db.admin)
    const full = { ...makeOpening(other), limits: { tenant: 0 } }
    expect((await append(makeRequest(other, { opening: full }))).outcomes).toEqual(['tenant_full'])
  })
})

describe('a child', () => {
  const use = async (id: string) => (await append(makeRequest(tenantId, { account: { id, generation: 1 } }))).outcomes[0]

  test.each(['complete', 'revoke', 'claim'])('ends at the very commit at which its root is over: %s', async name => {
    const root = await open()
    const child = await open({ lineage: lineageUnder(root) })
    const grandchild = await open({ lineage: lineageUnder(child, root, [child.id, root.id]) })
    expect([await use(child.id), await use(grandchild.id)]).toEqual(['appended', 'appended'])
    const claim = { personId: randomUUID(), readmitted: true, reviewOn: null }
    expect((await transition(change(root.id, name, { claim })))[0]!.outcome).toBe('done')
    expect([await use(child.id), await use(grandchild.id)]).toEqual(['account_not_live', 'account_not_live'])
    for (const late of ['complete', 'extend', 'claim'])
      expect((await transition(change(child.id, late, { deadlineSeconds: inSeconds(9999) })))[0]!.outcome).toBe('conflict')
    expect((await transition(change(child.id, 'revoke')))[0]!.outcome).toBe('done')
  })

  test('counts for its parent, until it is over', async () => {
    const root = await open()
    const limits = { parent: 1 }
    const child = await open({ lineage: lineageUnder(root), limits })
    expect((await open({ lineage: lineageUnder(root), limits })).outcome).toBe('parent_full')
    await transition(change(child.id, 'complete'))
    expect((await open({ lineage: lineageUnder(root), limits })).outcome).toBe('appended')
  })
})
