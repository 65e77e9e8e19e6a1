import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditEventTypes, catalogue } from '#core/audit/catalogue/catalogue.ts'
import { prepareEvent, sealFacts } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { countEvents, type EventFilter, findEvents, positionsBetween } from '#db/audit/events.ts'
import { projectLog, readProjection } from '#db/audit/projection.ts'
import { appendBatch } from '#db/log/append.ts'
import { findLeaf } from '#db/log/find-leaf.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase({ madeUpEvents: true })
})
afterAll(() => db.close())

const [a, b] = [newUuid(1), newUuid(2)]
const [agents, accounts] = [[newUuid(3), newUuid(4)], Array.from({ length: 20 }, (_, n) => newUuid(1_000_000 * n + 10))]
const types = [
  'token.issued',
  'token.issued',
  'token.denied',
  'account.completed',
  'account.expired',
  'decisions.reported',
  'resource.changed',
]
const reasons = ['unknown_scope', 'unknown_resource', 'agent_ceiling']
const subjectKey = { id: newUuid(6), key: Buffer.alloc(32) }
const beganMs = Date.now() - 60 * 60_000

interface Made {
  readonly position: number
  readonly id: string
  readonly tenant: string | null
  readonly type: string
  readonly agent: string | undefined
  readonly account: string | undefined
  readonly mentioned: readonly string[]
  readonly token: string | undefined
  readonly reason: string | undefined
  readonly decision: 'a' | 'd' | 'f' | null
  readonly atMs: number
}
const made: Made[] = []

/** So many events, by a rule and without chance. */
async function write(count: number): Promise<void> {
  const requests = Array.from({ length: count }, (_, n) => {
    const at = made.length + n
    const atMs = beganMs + at * 3_000
    const type = types[(at * 3) % types.length]!
    const [tenant, agent] = [at % 5 === 4 ? b : a, agents[(at >> 2) % 2]!]
    const account = accounts[(at * 3) % accounts.length]!
    const reported = type === 'decisions.reported'
    const token = type.startsWith('token.issued') ? formatId('token', newUuid(atMs)) : undefined
    const reason = type === 'token.denied' ? reasons[at % 3] : undefined
    const facts = {
      ...(reported && {
        allowed: 1,
        denied: at % 2,
        decisions: [{ time: 1, outcome: 'allow', reason: 'half a pair: \ud83d', account_id: formatId('account', account) }],
      }),
      ...(reason && { code: 'x', reason }),
    }
    const own = reported ? {} : { agentId: agent, accountId: account }
    // As the broker makes them, and as it does not: leaves are read in two ways.
    const whole = token && at % 2 ? { claimsHash: 'c'.repeat(43), private: sealFacts(subjectKey, { scope: [] }) } : {}
    // biome-ignore lint/suspicious/noExplicitAny: facts of several types by one rule
    const event = prepareEvent({ type, tenantId: tenant, tokenId: token, ...own, ...whole, facts } as any, atMs)
    const decision = ({ 'token.issued': 'a', 'token.denied': 'd' } as const)[type] ?? null
    const about = { agent: own.agentId, account: own.accountId, mentioned: reported ? [account] : [], token, reason, atMs }
    const id = (JSON.parse(event.leaf) as { id: string }).id
    return {
      event,
      tenant,
      row: { id, tenant, type, ...about, decision: reported ? (at % 2 ? 'd' : 'a') : decision } as Omit<Made, 'position'>,
    }
  })
  const { firstPosition } = await appendBatch(
    db.database.sql,
    requests.map(({ event, tenant }) => eventOnly(tenant, event)),
  )
  for (const [n, { row }] of requests.entries()) made.push({ ...row, position: Number(firstPosition) + n })
}

beforeAll(async () => {
  for (let n = 0; n < 6; n++) await write(100)
  await projectLog(db.database.db)
})

const query = (filter: EventFilter, changes: object = {}) => ({
  tenantId: a as string | null,
  filter,
  first: 0,
  last: made.length,
  ascending: false,
  limit: 1_000,
  budgetMs: 5_000,
  ...changes,
})

describe('the projection', () => {
  test('has one row for each leaf, whoever projects and however often', async () => {
    await write(40)
    await Promise.all(Array.from({ length: 4 }, () => projectLog(db.database.db, Number.POSITIVE_INFINITY, 7)))
    await projectLog(db.database.db)
    expect(await readProjection(db.database.db)).toEqual({ position: made.length, size: made.length })
    const [row] = await db.admin`select count(*)::int as n, max(position)::int + 1 as size from log.event`
    expect(row).toEqual({ n: made.length, size: made.length })
  })

  test('has the decision of every type of event that the catalogue has', async () => {
    const letters = { allow: 'a', deny: 'd', defer: 'f' } as const
    const rows = await db.admin<{ type: string; decision: string | null }[]>`
      select t as type, log.decision_of(t, '{}')::text as decision from unnest(${[...auditEventTypes] as string[]}::text[]) t`
    const said = Object.fromEntries(rows.map(({ type, decision }) => [type, decision]))
    const meant = auditEventTypes.map(type => {
      const { decision } = catalogue[type] as { decision?: keyof typeof letters }
      // What guards report is one or the other, as they counted.
      return [type, type === 'decisions.reported' ? 'd' : decision ? letters[decision] : null]
    })
    expect(said).toEqual(Object.fromEntries(meant))
  })

  test('knows the leaf of a token by its form, whatever it is of, and no other', async () => {
    const leaves = await db.admin<{ leaf: string; type: string; fits: boolean }[]>`
      select leaf, leaf::jsonb->>'type' as type, octet_length(leaf) = octet_length(log.form_of_token()) and leaf like log.form_of_token() as fits
        from log.entry`
    const whole = leaves.filter(({ leaf }) => leaf.includes('"token":') && leaf.includes('"private_hash":'))
    expect(whole.length).toBeGreaterThan(50)
    expect(leaves.filter(({ fits }) => fits)).toEqual(whole)
  })

  test('looks for nothing in the body of a token that could be there', async () => {
    const [row] = await db.admin<
      { source: string }[]
    >`select prosrc as source from pg_proc where oid = 'log.project_events'::regproc`
    const looked = [...row!.source.matchAll(/body->>?'(\w+)'/g)].map(([, name]) => name!)
    expect(looked).toContain('actor')
    const { facts, retention } = catalogue['token.issued']
    // The resource and who vouched are what other events are about.
    const there = looked.filter(name => name in facts.properties)
    expect(new Set(there)).toEqual(new Set(['resource', 'trust_source']))
    expect(retention).toBe('standard')
  })

  test('goes on past a body that the database cannot read as JSON', async () => {
    const [row] = await db.admin`select count(*)::int as n from log.event where type = 'decisions.reported'`
    expect(row!['n']).toBeGreaterThan(10)
  })

  test('can be changed by nobody, and read by functions alone', async () => {
    await expect(db.admin`update log.event set type = 'x'`).rejects.toThrow('append-only')
    await expect(db.admin`delete from log.event_mention`).rejects.toThrow('append-only')
    await expect(db.admin`update log.event_cursor set position = 0`).rejects.toThrow('append-only')
    await expect(db.database.sql`select from log.event`).rejects.toThrow('permission denied')
  })
})

/** The same filter over what was written, without the database. */
const fits = (tenant: string | null, f: EventFilter) => (e: Made) =>
  (tenant === null || e.tenant === tenant) &&
  (!f.accounts ||
    f.accounts.some(account => e.account === account || (e.mentioned.includes(account) && f.agent === undefined))) &&
  (!f.agent || e.agent === f.agent) &&
  (!f.token || e.token === formatId('token', f.token)) &&
  ((!f.types && !f.prefixes) || f.types?.includes(e.type) || f.prefixes?.some(prefix => e.type.startsWith(prefix)) || false) &&
  (!f.decisions || (e.decision !== null && f.decisions.includes(e.decision))) &&
  (!f.without ||
    (e.account !== undefined && !made.some(o => o.account === e.account && o.tenant === e.tenant && o.type === f.without))) &&
  (!f.reason || e.reason === f.reason) &&
  (!f.reason_prefix || e.reason?.startsWith(f.reason_prefix) || false) &&
  (f.from === undefined || e.atMs >= f.from) &&
  (f.before === undefined || e.atMs < f.before)

const filters: [string, () => EventFilter][] = [
  ['nothing', () => ({})],
  ['an account, with what guards reported of it', () => ({ accounts: [accounts[6]!] })],
  ['several accounts', () => ({ accounts: accounts.slice(2, 7) })],
  ['an account and a type', () => ({ accounts: [accounts[9]!], types: ['token.denied'] })],
  ['an agent', () => ({ agent: agents[0]! })],
  ['refusals of an agent', () => ({ agent: agents[1]!, decisions: ['d'] })],
  ['what an agent was allowed', () => ({ agent: agents[1]!, decisions: ['a', 'd'] })],
  [
    'a token',
    () => ({
      token: made
        .find(e => e.token && e.tenant === a)!
        .token!.slice(3)
        .replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    }),
  ],
  ['one type', () => ({ types: ['account.expired'] })],
  ['the type of most', () => ({ types: ['token.issued'] })],
  ['several types', () => ({ types: ['account.expired', 'token.denied'] })],
  ['a group of types', () => ({ prefixes: ['account.'] })],
  ['a group that most belong to', () => ({ prefixes: ['token.'], types: ['resource.changed'] })],
  ['refusals', () => ({ decisions: ['d', 'f'] })],
  ['accounts that something never befell', () => ({ types: ['token.issued'], without: 'account.expired' })],
  ['a reason', () => ({ reason: 'agent_ceiling' })],
  ['the beginning of a reason', () => ({ reason_prefix: 'unknown' })],
  ['a time', () => ({ from: beganMs + 300_000, before: beganMs + 900_000 })],
  [
    'a time, an agent and a type',
    () => ({ from: beganMs + 300_000, before: beganMs + 900_000, agent: agents[0]!, types: ['token.issued'] }),
  ],
  ['what is not there', () => ({ agent: newUuid(5) })],
]

describe.each([
  ['one tenant', a],
  ['all tenants', null],
] as const)('a filter finds in %s exactly what was written of', (_, tenantId) => {
  test.each(filters)('%s: newest first, oldest first, page by page, and counted', async (_name, filterFrom) => {
    const filter = filterFrom()
    const wanted = made.filter(fits(tenantId, filter)).map(({ position }) => position)
    const bounds =
      filter.from === undefined
        ? { first: 0, last: made.length }
        : await positionsBetween(db.database.db, filter.from, filter.before)
    const found = async (changes: object) =>
      (await findEvents(db.database.db, query(filter, { tenantId, ...bounds, ...changes }))).events.map(
        ({ position }) => position,
      )
    expect(await found({})).toEqual(wanted.toReversed())
    expect(await found({ ascending: true })).toEqual(wanted)
    const paged: number[] = []
    for (let first: number = bounds.first; ; ) {
      const page = await found({ ascending: true, first, limit: 7 })
      paged.push(...page)
      if (page.length < 7) break
      first = page.at(-1)! + 1
    }
    expect(paged).toEqual(wanted)
    expect(await countEvents(db.database.db, query(filter, { tenantId, ...bounds }))).toBe(wanted.length)
  })
})

test('who looks at too much is told where it stopped, and misses nothing by going on from there', async () => {
  const filter = { agent: agents[0]!, reason: 'agent_ceiling' } as const
  const wanted = made
    .filter(fits(a, filter))
    .map(({ position }) => position)
    .toReversed()
  const found: number[] = []
  let last = made.length
  for (let pages = 0; pages < 100; pages++) {
    const { events, stoppedAt } = await findEvents(db.database.db, query(filter, { last, budgetMs: 0 }))
    found.push(...events.map(({ position }) => position))
    if (stoppedAt === undefined) break
    expect(stoppedAt).toBeLessThanOrEqual(last)
    last = stoppedAt - 1
  }
  expect(found).toEqual(wanted)
})

test('an event is found by its id, in its own tenant', async () => {
  for (const event of [made[0]!, made[77]!, made.at(-1)!]) {
    expect(await findLeaf(db.database.db, event.tenant, { id: event.id }, event.atMs)).toBe(event.position)
    expect(await findLeaf(db.database.db, null, { id: event.id }, event.atMs)).toBe(event.position)
    expect(await findLeaf(db.database.db, event.tenant === a ? b : a, { id: event.id }, event.atMs)).toBeUndefined()
  }
  expect(await findLeaf(db.database.db, null, { id: newUuid(made[0]!.atMs) }, made[0]!.atMs)).toBeUndefined()
})

test('a clock that went back hides nothing from a question by time', async () => {
  const [early, late] = [
    prepareEvent({ type: 'limits.changed', tenantId: a, facts: {} } as never, beganMs - 7_200_000),
    made.at(-1)!,
  ]
  const { firstPosition } = await appendBatch(db.database.sql, [eventOnly(a, early)])
  await projectLog(db.database.db)
  const { first, last } = await positionsBetween(db.database.db, beganMs - 7_300_000, beganMs - 7_100_000)
  expect([first, last]).toEqual([Number(firstPosition), Number(firstPosition)])
  expect(Number(firstPosition)).toBeGreaterThan(late.position)
})
