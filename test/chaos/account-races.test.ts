// Fault F11: whatever wants to change an account comes at once, over several connections and in batches that overlap. The log
// says in which order they had their way; a model must allow that order, and every answer.

import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readAccounts } from '#db/accounts/read-accounts.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { type AppendRequest, appendBatch } from '#db/log/append.ts'
import { createTenant, event, makeOpening, makeRequest } from '#test/db/log/requests.ts'
import { openAccounts, type TestAccount } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { type Answered, type Call, isLinearizable, opened } from './account-model.ts'

const connections = 6

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: connections })
  tenantId = await createTenant(db.admin)
})
afterAll(() => db.close())

interface Told extends Answered {
  /** Of the leaf that the call would write. */
  readonly leafId: string
  readonly account: TestAccount
}

/** One call of the database for several accounts; each gets its own kind of call. */
async function send(calls: readonly { readonly account: TestAccount; readonly call: Call }[]): Promise<Told[]> {
  const told = calls.map(one => ({ ...one, event: event({ account: one.account.id }) }))
  const changes = told.flatMap(({ account, call, event }) =>
    call.kind !== 'change'
      ? []
      : [
          {
            accountId: account.id,
            tenantId,
            transition: call.transition,
            generation: call.generation,
            deadlineSeconds: call.transition === 'extend' ? account.deadline + 3_600 : undefined,
            claim: call.transition === 'claim' ? { personId: randomUUID(), readmitted: false, reviewOn: null } : undefined,
            event,
          },
        ],
  )
  const uses = told.flatMap(({ account, call, event }): AppendRequest[] => {
    const request = makeRequest(tenantId, { events: [event], untilSeconds: 0 })
    if (call.kind === 'use') return [{ ...request, account: { id: account.id, generation: 1 } }]
    if (call.kind === 'reopen') return [{ ...request, opening: makeOpening(tenantId, { task_key: account.task_key }) }]
    return []
  })
  const { sql } = db.database
  const [changed, used] = await Promise.all([
    transitionAccounts(sql, changes),
    uses.length === 0 ? [] : appendBatch(sql, uses).then(({ outcomes }) => outcomes),
  ])
  const answers = { change: changed.map(({ outcome }) => outcome).values(), append: used.values() }
  return told.map(({ account, call, event: { leaf } }) => ({
    account,
    call,
    answer: (call.kind === 'change' ? answers.change : answers.append).next().value as string,
    leafId: (JSON.parse(leaf) as { id: string }).id,
  }))
}

async function leafOrder(accounts: readonly TestAccount[]): Promise<Map<string, number>> {
  const rows = await db.admin<{ id: string; position: bigint }[]>`
    select leaf::jsonb->>'id' as id, position from log.entry where leaf::jsonb->>'account' = any(${accounts.map(({ id }) => id)})
       and leaf::jsonb->>'type' is null`
  return new Map(rows.map(({ id, position }) => [id, Number(position)]))
}

/** Throws when what was told of the account, and what became of it, cannot have happened one after the other. */
async function judge(account: TestAccount, deadline: 'ahead' | 'behind', told: readonly Told[], order: Map<string, number>) {
  const written = told.filter(({ leafId }) => order.has(leafId)).sort((a, b) => order.get(a.leafId)! - order.get(b.leafId)!)
  const others = told.filter(({ leafId }) => !order.has(leafId))
  expect(written.every(({ answer }) => answer === 'done' || answer === 'appended')).toBe(true)
  expect(others.every(({ answer }) => answer !== 'done' && answer !== 'appended')).toBe(true)
  const [row] = await readAccounts(db.database.sql, [{ tenantId, name: account.id }], [])
  const final = { state: row?.state ?? null, generation: row?.generation ?? 0 }
  const story = JSON.stringify({ deadline, written, others, final }, undefined, 1)
  expect(isLinearizable(opened(deadline), written, others, final), story).toBe(true)
  const ends = written.filter(
    ({ call }) => call.kind === 'change' && ['claim', 'complete', 'expire', 'revoke'].includes(call.transition),
  )
  const fromActive = ends.slice(0, 1)
  // What takes it out of the active state happens once; a claimed account may be revoked after.
  for (const { call } of ends.slice(1))
    expect([fromActive[0]!.call, call], story).toMatchObject([{ transition: 'claim' }, { transition: 'revoke' }])
}

const callOf: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      transition: fc.constantFrom('claim', 'expire', 'revoke', 'complete', 'extend'),
      generation: fc.constantFrom(null, 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      transition: fc.constantFrom('close', 'reap', 'readmit', 'suspend', 'narrow'),
      generation: fc.constant(null),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'use' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
)

/** Which of three accounts each call is for, and in which order they stand in the batch. */
const batchOf = fc.uniqueArray(fc.record({ account: fc.integer({ min: 0, max: 2 }), call: callOf }), {
  minLength: 1,
  maxLength: 3,
  selector: ({ account }) => account,
})

async function race(
  ttlSeconds: number,
  deadline: 'ahead' | 'behind',
  batches: readonly (readonly { account: number; call: Call }[])[],
) {
  const accounts = await openAccounts(db.database.sql, tenantId, 3, { ttlSeconds })
  const told = (
    await Promise.all(batches.map(batch => send(batch.map(({ account, call }) => ({ account: accounts[account]!, call })))))
  ).flat()
  const order = await leafOrder(accounts)
  for (const account of accounts)
    await judge(
      account,
      deadline,
      told.filter(one => one.account.id === account.id),
      order,
    )
}

// An extension is left out where the deadline is near: whether it comes in time is a race with the clock that has two right ends,
// and the model knows one deadline.
const withoutExtension = (batch: readonly { call: Call }[]): boolean =>
  batch.every(({ call }) => call.kind !== 'change' || call.transition !== 'extend')

describe('F11: claim, expiry, revocation, completion, extension, use and collection at once', () => {
  const batches = fc.array(batchOf, { minLength: 2, maxLength: 10 })
  const options = { numRuns: 120, endOnFailure: true }

  test('have one order and one outcome, before the deadline', async () => {
    await fc.assert(
      fc.asyncProperty(batches, list => race(3_600, 'ahead', list)),
      options,
    )
  })

  test('behind it', async () => {
    await fc.assert(
      fc.asyncProperty(batches, list => race(-1, 'behind', list)),
      options,
    )
  })

  test('and while it passes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(batchOf.filter(withoutExtension), { minLength: 2, maxLength: 10 }),
        fc.integer({ min: 1, max: 12 }),
        (list, ms) => race(ms / 1_000, 'ahead', list),
      ),
      options,
    )
  })

  test('leave no live account counted that is not there', async () => {
    const [row] = await db.admin<[{ counted: number; active: number }]>`
      select (select coalesce(sum(live), 0)::int from mayfly.live_count where scope = ${tenantId}) as counted,
             (select count(*)::int from mayfly.account where state = 'a') as active`
    expect(row.counted).toBe(row.active)
  })
})

describe('F11: one account, everybody at once', () => {
  test.each(['claim', 'complete', 'revoke'] as const)('forty calls of %s have one winner', async transition => {
    const [account] = await openAccounts(db.database.sql, tenantId, 1)
    const calls = Array.from({ length: 40 }, () =>
      send([{ account: account!, call: { kind: 'change', transition, generation: 1 } }]),
    )
    const answers = (await Promise.all(calls)).flat().map(({ answer }) => answer)
    expect(answers.filter(answer => answer === 'done')).toHaveLength(1)
    expect(answers.filter(answer => answer === 'conflict')).toHaveLength(39)
  })
})

test('the model is not blind: an order that cannot have been is refused', () => {
  const done = (transition: 'claim' | 'complete') => ({
    call: { kind: 'change', transition, generation: 1 } as const,
    answer: 'done',
  })
  const start = opened('ahead')
  expect(isLinearizable(start, [done('complete')], [], { state: 'm', generation: 2 })).toBe(true)
  expect(isLinearizable(start, [done('complete'), done('claim')], [], { state: 'c', generation: 3 })).toBe(false)
  expect(isLinearizable(start, [done('complete')], [], { state: 'a', generation: 1 })).toBe(false)
  const used = { call: { kind: 'use' } as const, answer: 'appended' }
  expect(isLinearizable(start, [done('complete'), used], [], { state: 'm', generation: 2 })).toBe(false)
  const refused = { call: { kind: 'change', transition: 'complete', generation: 1 } as const, answer: 'not_found' }
  expect(isLinearizable(start, [done('complete')], [refused], { state: 'm', generation: 2 })).toBe(false)
})
