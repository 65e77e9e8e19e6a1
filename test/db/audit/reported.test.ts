import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { formatId, newId, newUuid, parseId } from '#core/ids/id.ts'
import { countEvents, type EventFilter, findEvents, positionsBetween } from '#db/audit/events.ts'
import { readFamily } from '#db/audit/family.ts'
import { projectLog } from '#db/audit/projection.ts'
import { appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { sampleFacts } from '#test/setup/sample-events.ts'

const [own, other] = [newUuid(), newUuid()]
const [agent, neighbour] = [newUuid(), newUuid()]
const [account, neighbours] = [newUuid(), newUuid()]
const children = Array.from({ length: 30 }, () => newUuid())
const [token, later] = [newId('token'), newId('token')]

let db: TestDatabase
/** The position of what was written. */
const at: Record<string, number> = {}

// biome-ignore lint/suspicious/noExplicitAny: facts of several types by one rule
async function write(name: string, event: any, atMs = Date.now()): Promise<void> {
  const { firstPosition } = await appendBatch(db.database.sql, [eventOnly(event.tenantId, prepareEvent(event, atMs))])
  at[name] = Number(firstPosition)
}

const report = (tenantId: string, ...decisions: readonly object[]) => {
  const denied = decisions.filter(decision => (decision as { outcome: string }).outcome === 'deny').length
  const facts = { allowed: decisions.length - denied, denied, decisions, resource: newUuid() }
  return { type: 'decisions.reported', tenantId, facts }
}
const deny = (reason: string, ids: object) => ({ time: 1, outcome: 'deny', reason, ...ids })
const allow = (ids: object) => ({ time: 1, outcome: 'allow', reason: 'granted', ...ids })
const opened = (accountId: string, agentId: string, parent?: string) => ({
  type: 'account.opened',
  tenantId: own,
  accountId,
  agentId,
  facts: { ...sampleFacts('account.opened'), ...(parent && { parent: formatId('account', parent) }) },
})
const [mine, theirs] = [account, neighbours].map(id => ({ account_id: formatId('account', id) }))

beforeAll(async () => {
  db = await createTestDatabase({ madeUpEvents: true })
  await write('opening', opened(account, agent))
  await write('theirs', opened(neighbours, neighbour))
  for (const child of children) await write('child', opened(child, neighbour, account))
  await write('denied', {
    type: 'token.denied',
    tenantId: own,
    agentId: agent,
    facts: { ...sampleFacts('token.denied'), reason: 'unknown_scope' },
  })
  await write('refused', report(own, deny('insufficient_scope', { ...mine, jti: token }), allow({ ...theirs })))
  await write('mixed', report(own, deny('token_revoked', { ...theirs }), allow({ ...mine, jti: later })))
  await write('stranger', report(own, deny('no_token', { count: 7 })))
  await write('foreign', report(other, deny('insufficient_scope', { ...mine, jti: token })))
  await projectLog(db.database.db)
})
afterAll(() => db.close())

const ask = async (filter: EventFilter, changes: object = {}) => {
  const query = {
    tenantId: own as string | null,
    filter,
    first: 0,
    last: 1_000,
    ascending: true,
    limit: 50,
    budgetMs: 5_000,
    ...changes,
  }
  const { events } = await findEvents(db.database.db, query)
  if (!('limit' in changes)) expect(await countEvents(db.database.db, query)).toBe(events.length)
  return events.map(({ position }) => position)
}
const uuidOf = (jti: string) => parseId('token', jti)!

describe('what guards reported', () => {
  test('is among the refusals of the agent whose token was refused, and of no other', async () => {
    expect(await ask({ agent, decisions: ['d'] })).toEqual([at['denied'], at['refused']])
    expect(await ask({ agent: neighbour, decisions: ['d'] })).toEqual([at['mixed']])
    expect(await ask({ agent, decisions: ['a'], types: ['decisions.reported'] })).toEqual([at['mixed']])
    expect(await ask({ agent, reason_prefix: 'insufficient' })).toEqual([at['refused']])
    expect(await ask({ agent, types: ['token.denied'] })).toEqual([at['denied']])
  })

  test('is told with what was decided of that agent, whatever else stands in the report', async () => {
    const query = {
      tenantId: own,
      filter: { agent },
      first: at['refused']!,
      last: at['mixed']!,
      ascending: true,
      limit: 9,
      budgetMs: 5_000,
    }
    const { events } = await findEvents(db.database.db, query)
    expect(events.map(({ decision, reason }) => [decision, reason])).toEqual([
      ['d', 'insufficient_scope'],
      ['a', null],
    ])
  })

  test('is found by the token that was used', async () => {
    expect(await ask({ token: uuidOf(token) })).toEqual([at['refused']])
    expect(await ask({ token: uuidOf(later) })).toEqual([at['mixed']])
    expect(await ask({ token: uuidOf(later), agent })).toEqual([at['mixed']])
    expect(await ask({ token: uuidOf(later), agent: newUuid() })).toEqual([])
  })

  test('is of the tenant whose guard it was: naming a stranger’s account or token leads to nobody', async () => {
    expect(await ask({ agent }, { tenantId: other })).toEqual([])
    expect(await ask({ token: uuidOf(token) }, { tenantId: other })).toEqual([at['foreign']])
    expect(await ask({ token: uuidOf(token) }, { tenantId: null })).toEqual([at['refused'], at['foreign']])
  })

  test('stands in pages in its place, either way', async () => {
    const all = [at['opening'], at['denied'], at['refused'], at['mixed']] as number[]
    expect(await ask({ agent })).toEqual(all)
    expect(await ask({ agent }, { ascending: false })).toEqual(all.toReversed())
    expect(await ask({ agent }, { limit: 2 })).toEqual(all.slice(0, 2))
    expect(await ask({ agent }, { ascending: false, limit: 1 })).toEqual([all.at(-1)])
    expect(await ask({ agent }, { first: all[2], limit: 1 })).toEqual([all[2]])
  })
})

test('a family is as large as is asked for, the nearest first', async () => {
  const all = await readFamily(db.database.db, own, account, 500)
  expect(all.map(({ distance }) => distance)).toEqual([0, ...children.map(() => 1)])
  expect(await readFamily(db.database.db, own, account, 10)).toHaveLength(10)
})

test('positions of a range are those of its stretches, also where a clock went back by days', async () => {
  const startMs = Date.UTC(2031, 0, 1)
  const days = [0, 40, 10, 80, 5]
  for (const day of days) await write(`day ${day}`, opened(newUuid(), agent), startMs + day * 86_400_000)
  await projectLog(db.database.db)
  const between = (from: number, to: number) =>
    positionsBetween(db.database.db, startMs + from * 86_400_000, startMs + to * 86_400_000)
  expect(await between(0, 100)).toEqual({ first: at['day 0'], last: at['day 5'] })
  expect(await between(9, 41)).toEqual({ first: at['day 40'], last: at['day 10'] })
  expect(await between(80, 80)).toEqual({ first: at['day 80'], last: at['day 80'] })
  expect(await between(6, 9)).toEqual({ first: 0, last: -1 })
})
