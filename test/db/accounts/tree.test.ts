// A tree of accounts ends at the commit that ends its root: one change of one row, however many descend from it.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readLineagesNow } from '#db/accounts/read-lineages.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { appendBatch, type NewLineage } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createTenant, event, makeOpening, makeRequest } from '../log/requests.ts'

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  // One connection: what it has read is counted for each.
  db = await createTestDatabase({ poolSize: 1 })
  tenantId = await createTenant(db.admin)
})
afterAll(() => db.close())

interface Node {
  readonly id: string
  readonly lineage?: NewLineage
}

function below(parent: Node): NewLineage {
  const { lineage } = parent
  return {
    root: lineage?.root ?? parent.id,
    parent: parent.id,
    depth: (lineage?.depth ?? 0) + 1,
    max_depth: 8,
    ancestors: [parent.id, ...(lineage?.ancestors ?? [])],
    generations: [1, ...(lineage?.generations ?? [])],
    agents: [randomUUID(), ...(lineage?.agents ?? [])],
    quota: null,
  }
}

/** Opens accounts below one, through the log as the broker does. */
async function open(count: number, parent?: Node): Promise<Node[]> {
  const nodes = Array.from({ length: count }, (): Node => ({ id: randomUUID(), ...(parent && { lineage: below(parent) }) }))
  const requests = nodes.map(({ id, lineage }) =>
    makeRequest(tenantId, {
      account: parent ? { id: parent.id, generation: 1 } : null,
      opening: makeOpening(tenantId, { id, claim_hash: parent ? null : '00', ...(lineage && { lineage }) }),
    }),
  )
  const { outcomes } = await appendBatch(db.database.sql, requests)
  expect(new Set(outcomes)).toEqual(new Set(['appended']))
  return nodes
}

/** 1,000 below one root: ten children of ninety-nine children each, and a line of eight below the last of them. */
async function plant(): Promise<{ root: Node; all: Node[] }> {
  const [root] = await open(1)
  const children = await open(10, root)
  const grandchildren: Node[] = []
  for (const child of children) grandchildren.push(...(await open(99, child)))
  const line = [grandchildren.at(-1)!]
  for (let depth = 3; depth <= 8; depth++) line.push((await open(1, line.at(-1)))[0]!)
  return { root: root!, all: [...children, ...grandchildren, ...line.slice(1)] }
}

/** Rows that were gone through so far, in tables and by indexes. */
async function rowsRead(): Promise<number> {
  await db.database.sql`select pg_stat_force_next_flush()`
  const [row] = await db.admin`
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_user_tables
     where schemaname = 'mayfly' and relname in ('account', 'lineage')`
  return row!['read'] as number
}

const isLive = async (nodes: readonly Node[]): Promise<boolean[]> => {
  const names = nodes.map(({ id }) => ({ tenantId, accountId: id }))
  const read = await readLineagesNow(db.database.sql, names)
  const byId = new Map(read.map(({ lineage, live }) => [lineage.accountId, live]))
  return nodes.map(({ id }) => byId.get(id)!)
}

const use = async (nodes: readonly Node[]) =>
  (
    await appendBatch(
      db.database.sql,
      nodes.map(({ id }) => makeRequest(tenantId, { account: { id, generation: 1 } })),
    )
  ).outcomes

describe('the end of a root with 1,000 descendants', () => {
  const took: number[] = []
  test.each(['complete', 'revoke', 'claim'] as const)('by %s: takes effect on all of them in one commit', async how => {
    const { root, all } = await plant()
    expect(all.length).toBeGreaterThanOrEqual(1_000)
    const sample = [all[0]!, all[500]!, all.at(-1)!]
    expect(await use(sample)).toEqual(['appended', 'appended', 'appended'])
    expect(new Set(await isLive(all))).toEqual(new Set([true]))

    const claim = how === 'claim' ? { claim: { personId: randomUUID(), readmitted: true, reviewOn: null } } : {}
    const change = { accountId: root.id, tenantId, transition: how, generation: 1, event: event({}), ...claim }
    const begun = performance.now()
    const [answer] = await transitionAccounts(db.database.sql, [change])
    const tookMs = performance.now() - begun
    console.info(`${how}: a root with ${all.length} descendants ended in ${tookMs.toFixed(1)} ms`)
    expect(answer!.outcome).toBe('done')
    took.push(tookMs)

    expect(new Set(await isLive(all))).toEqual(new Set([false]))
    for (let at = 0; at < all.length; at += 250)
      expect(new Set(await use(all.slice(at, at + 250)))).toEqual(new Set(['account_not_live']))
    // Nothing is opened below any of them.
    const late = makeRequest(tenantId, {
      account: { id: all[0]!.id, generation: 1 },
      opening: makeOpening(tenantId, { id: randomUUID(), lineage: below(all[0]!) }),
    })
    expect((await appendBatch(db.database.sql, [late])).outcomes).toEqual(['account_not_live'])
  })

  test('takes less than 100 ms, where the machine has nothing else to do', () => {
    expect(Math.min(...took)).toBeLessThan(100)
  })

  test('each can still be ended by itself, and counts no more then', async () => {
    const [root] = await open(1)
    const children = await open(3, root)
    await transitionAccounts(db.database.sql, [
      { accountId: root!.id, tenantId, transition: 'revoke', generation: 1, event: event({}) },
    ])
    const changes = children.map(({ id }) => ({ accountId: id, tenantId, transition: 'revoke', generation: 1, event: event({}) }))
    const answers = await transitionAccounts(db.database.sql, changes)
    expect(answers.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done'])
    const [count] = await db.admin<{ live: number }[]>`select live from mayfly.live_count where scope = ${root!.id}`
    expect(count?.live ?? 0).toBe(0)
  })

  test('using a child looks its ancestors up by their keys: among 5,000 live accounts it reads no more than among ten', async () => {
    const [root] = await open(1)
    const children = await open(50, root)
    await db.admin`
      insert into mayfly.account (id, tenant_id, agent_id, task_key, opened_at, deadline, ceiling_id, opener, task_id)
      select gen_random_uuid(), ${tenantId}, gen_random_uuid(), gen_random_uuid(), now(), now() + interval '1 hour', 1, 'x', 't'
        from generate_series(1, 5000)`
    const before = await rowsRead()
    expect(new Set(await use(children))).toEqual(new Set(['appended']))
    expect(new Set(await isLive(children))).toEqual(new Set([true]))
    expect((await rowsRead()) - before).toBeLessThan(1_000)
  })

  test('a lineage is read for its own tenant only', async () => {
    const [root] = await open(1)
    const [child] = await open(1, root)
    expect(await readLineagesNow(db.database.sql, [{ tenantId: randomUUID(), accountId: child!.id }])).toEqual([])
    expect(await readLineagesNow(db.database.sql, [{ tenantId, accountId: child!.id }])).toHaveLength(1)
  })
})
