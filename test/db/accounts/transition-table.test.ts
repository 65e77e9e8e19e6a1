// Every transition from every state, before and behind the deadline, of roots and of children under a root that lives or not:
// what the table allows is done, once, with one leaf and one row for the outbox; of everything else nothing is written.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Transition, type TransitionRow, transitions } from '#core/account/transitions.ts'
import type { AccountState } from '#db/accounts/read-accounts.ts'
import { type AccountChange, transitionAccounts } from '#db/accounts/transition.ts'
import { lineageUnder, openAccounts, type TestAccount } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createTenant, event, inSeconds } from '../log/requests.ts'

let db: TestDatabase
let tenantId: string
let root: TestAccount
beforeAll(async () => {
  db = await createTestDatabase()
  tenantId = await createTenant(db.admin)
  root = (await openAccounts(db.database.sql, tenantId, 1))[0]!
})
afterAll(() => db.close())

const states = ['a', 'm', 'e', 'r', 'c', 'x', 'h'] as const satisfies readonly AccountState[]
const dues = ['before', 'after'] as const
const kinds = ['root', 'child', 'orphan'] as const

interface Case {
  readonly name: Transition
  readonly from: AccountState
  /** Whether the deadline is ahead or behind. */
  readonly due: (typeof dues)[number]
  readonly kind: (typeof kinds)[number]
}

const cases: Case[] = (Object.keys(transitions) as Transition[]).flatMap(name =>
  states.flatMap(from => dues.flatMap(due => kinds.map(kind => ({ name, from, due, kind })))),
)

/** What must come of it: the state after, null for a row that is gone, or the refusal. */
function expected({ name, from, due, kind }: Case): AccountState | null | 'conflict' | 'not_due' {
  const row: TransitionRow = transitions[name]
  if (!row.from.includes(from)) return 'conflict'
  // The owner of a claimed account may end it at any time, and so may who looks at a held one.
  const wanted = from === 'c' || from === 'h' ? null : row.due
  if (wanted === 'before' && due === 'after') return 'conflict'
  if (wanted === 'after' && due === 'before') return 'not_due'
  if (kind !== 'root' && row.ofChild === 'no') return 'conflict'
  if (kind === 'orphan' && row.ofChild === 'while ancestors live') return 'conflict'
  return row.to
}

/** Accounts of these cases, put into their states behind the back of the function under test. */
async function prepare(list: readonly Case[]): Promise<TestAccount[]> {
  const gone = { ...root, id: randomUUID() }
  const accounts = await openAccounts(db.database.sql, tenantId, list.length, index => {
    const { kind } = list[index]!
    return kind === 'root' ? {} : { lineage: lineageUnder(kind === 'child' ? root : gone) }
  })
  const rows = accounts.map(({ id }, i) => ({ id, state: list[i]!.from, late: list[i]!.due === 'after' }))
  await db.admin`
    update mayfly.account a set state = r.state::"char", generation = 4,
           deadline = case when r.late then now() - interval '1 minute' else a.deadline end
      from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) r(id uuid, state text, late boolean) where a.id = r.id`
  return accounts
}

const changeOf = ({ id: accountId, deadline }: TestAccount, name: Transition): AccountChange => ({
  accountId,
  tenantId,
  transition: name,
  generation: 4,
  event: event({ account: accountId }),
  ...(name === 'extend' && { deadlineSeconds: deadline + 60 }),
  ...(name === 'claim' && { claim: { personId: randomUUID(), readmitted: false, reviewOn: null } }),
})

async function traces(): Promise<{ leaves: Set<string>; outbox: Set<string>; tombstones: Set<string> }> {
  const ids = async (rows: PromiseLike<readonly { id: string }[]>) => new Set((await rows).map(({ id }) => id))
  return {
    leaves: await ids(db.admin`select leaf::jsonb->>'account' as id from log.entry where leaf::jsonb->>'type' is null`),
    outbox: await ids(db.admin`select account_id as id from mayfly.outbox`),
    tombstones: await ids(db.admin`select account_id as id from mayfly.tombstone`),
  }
}

describe.each(Object.keys(transitions) as Transition[])('%s', name => {
  const own = cases.filter(one => one.name === name)

  test(`is done where the table allows it, and leaves no trace in the other of ${own.length} cases`, async () => {
    const accounts = await prepare(own)
    const changes = accounts.map(account => changeOf(account, name))
    const answers = await transitionAccounts(db.database.sql, changes)
    const got = own.map((one, i) => ({
      ...one,
      answer: answers[i]!.outcome === 'done' ? answers[i]!.state : answers[i]!.outcome,
    }))
    expect(got).toEqual(own.map(one => ({ ...one, answer: expected(one) })))
    const { leaves, outbox, tombstones } = await traces()
    own.forEach((one, i) => {
      const { id } = accounts[i]!
      const done = answers[i]!.outcome === 'done'
      const at = JSON.stringify(one)
      expect(leaves.has(id), at).toBe(done)
      expect(outbox.has(id), at).toBe(done && name !== 'reap')
      expect(tombstones.has(id), at).toBe(done && name === 'reap')
      const raised = done && transitions[name].raisesGeneration ? 5 : 4
      if (answers[i]!.state !== null) expect(answers[i]!.generation, at).toBe(raised)
    })
  })

  test('is refused to who expects another generation, and to another tenant', async () => {
    const allowed = own.filter(one => !['conflict', 'not_due'].includes(expected(one) as string))
    const accounts = await prepare(allowed)
    const [stale, foreign] = [
      accounts.map(account => ({ ...changeOf(account, name), generation: 3 })),
      accounts.map(account => ({ ...changeOf(account, name), tenantId: randomUUID() })),
    ]
    const outcomes = async (changes: AccountChange[]) =>
      new Set((await transitionAccounts(db.database.sql, changes)).map(({ outcome }) => outcome))
    expect(await outcomes(stale)).toEqual(new Set(['conflict']))
    expect(await outcomes(foreign)).toEqual(new Set(['not_found']))
    const { leaves } = await traces()
    for (const { id } of accounts) expect(leaves.has(id)).toBe(false)
  })
})

test('a transition that no table names is refused', async () => {
  const [account] = await openAccounts(db.database.sql, tenantId, 1)
  const change = { ...changeOf(account!, 'revoke'), transition: 'resurrect', generation: null }
  expect((await transitionAccounts(db.database.sql, [change]))[0]!.outcome).toBe('conflict')
})

test('extending never shortens, and an end in the past is no extension', async () => {
  const accounts = await openAccounts(db.database.sql, tenantId, 3)
  const wanted = [accounts[0]!.deadline - 1, inSeconds(-60), undefined]
  const changes = accounts.map((account, i) => ({
    accountId: account.id,
    tenantId,
    transition: 'extend',
    generation: 1,
    deadlineSeconds: wanted[i],
    event: event(),
  }))
  const answers = await transitionAccounts(db.database.sql, changes)
  expect(answers.map(({ outcome }) => outcome)).toEqual(['conflict', 'conflict', 'conflict'])
})
