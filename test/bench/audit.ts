// npm run bench:audit: pages of a large log over HTTP. A broker on a PostgreSQL of its own, its log filled with entries of years; each
// question is asked for its first page many times with different ids, and its pages are followed. Also what an entry takes in
// PostgreSQL, table by table, and how fast the projection is made.

import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { prepareDatabase } from '#db/prepare.ts'
import { startRunCluster } from '#test/setup/run-cluster.ts'
import { type RunningBroker, startRunningBroker } from '#test/setup/running-broker.ts'
import { type Fill, fillLog, type Names, namesIn } from './audit/fill.ts'
import { describeMachine } from './machine.ts'
import { percentiles } from './statistics.ts'

const usage = 'Usage: npm run bench:audit -- [--entries 10000000] [--days 90] [--times 40] [--pages 5] [--json]'
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { entries: text, days: text, times: text, pages: text, json: { type: 'boolean' }, help: { type: 'boolean' } },
})
const [entries, days] = [Number(values.entries ?? 10_000_000), Number(values.days ?? 90)]
const [times, pages] = [Number(values.times ?? 40), Number(values.pages ?? 5)]
const sound = entries >= 10_000 && entries <= 50_000_000 && [days, times, pages].every(value => value >= 1 && value <= 1_000)
if (values.help || !sound) {
  console.log(usage)
  process.exit(sound ? 0 : 1)
}
const tell = (line: string): boolean => process.stderr.write(`${line}\n`)
const md5 = (of: string): string => createHash('md5').update(of).digest('hex')
const passwords = { app: 'bench-app', queue: 'bench-queue', migrate: 'bench-migrate' }

type Question = readonly [string, (names: Names, moment: (share: number) => string, nth: number) => string]

/** The agent that was seen in the first hundredth only. */
const gone = `${(1000).toString(16).padStart(12, '0')}7${md5('agent1000').slice(0, 19)}`

const questions: readonly Question[] = [
  ['newest', () => ''],
  ['account', ({ account }) => `account=acct_${account}`],
  ['token', ({ token }) => `jti=at_${token}`],
  ['agent', ({ agent }) => `agent=agt_${agent}`],
  ['refusals_of_agent', ({ agent }) => `agent=agt_${agent}&decision=deny`],
  ['agent_long_gone', () => `agent=agt_${gone}`],
  ['type', () => 'type=resource.changed'],
  ['types', () => 'type=account.expired,agent.*'],
  ['refusals', () => 'decision=deny'],
  ['reason', () => 'decision=deny&reason=unknown_scope'],
  // Nothing was ever refused for it.
  ['reason_never_given', () => 'decision=deny&reason=proof_missing'],
  ['actor', (_, __, nth) => `actor=crd_${md5(`actor${nth % 20}`)}`],
  ['person', (_, __, nth) => `actor=psn_${md5(`person${nth % 7}`)}`],
  ['about', (_, __, nth) => `about=res_${md5(`resource${nth % 50}`)}`],
  [
    'hour',
    (_, moment, nth) => `from=${moment((nth + 0.3) / (times + 1))}&to=${moment((nth + 0.3) / (times + 1) + 1 / (days * 24))}`,
  ],
  [
    'agent_in_a_day',
    ({ agent }, moment, nth) =>
      `agent=agt_${agent}&from=${moment((nth + 0.3) / (times + 1))}&to=${moment((nth + 0.3) / (times + 1) + 1 / days)}`,
  ],
  ['agent_and_type', ({ agent }) => `agent=agt_${agent}&type=account.expired`],
  ['oldest', () => 'order=oldest'],
]

interface Times {
  readonly first: number[]
  readonly next: number[]
  short: number
}

async function ask(running: RunningBroker, path: string, count: number, into: Times): Promise<void> {
  let cursor = ''
  for (let page = 0; page < count; page++) {
    const began = performance.now()
    const { status, body } = await running.v1('GET', `${path}${cursor && `${path.includes('?') ? '&' : '?'}cursor=${cursor}`}`)
    const ms = performance.now() - began
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`)
    ;(page === 0 ? into.first : into.next).push(ms)
    const { items, next_cursor: next } = body as { items: unknown[]; next_cursor?: string }
    if (next === undefined) return
    if (items.length < 50) into.short++
    cursor = next
  }
}

async function sizes(admin: Sql): Promise<Record<string, number>> {
  const [head] = await admin<[{ size: number }]>`select size::float8 as size from log.head`
  const rows = await admin<{ name: string; bytes: number }[]>`
    select case when c.relname like 'entry%' then 'entry' when c.relname like 'body%' then 'body' else 'projection' end
           || case when c.relkind = 'i' then '_indexes' else '' end as name, sum(pg_relation_size(c.oid))::float8 as bytes
      from pg_class c where c.relnamespace = 'log'::regnamespace and c.relkind in ('r', 'i')
       and (c.relname like 'entry%' or c.relname like 'body%' or c.relname like 'event%') group by 1 order by 1`
  const each = Object.fromEntries(rows.map(({ name, bytes }) => [`${name}_bytes`, Math.round((bytes / head.size) * 10) / 10]))
  return { ...each, total_bytes: Math.round(rows.reduce((sum, { bytes }) => sum + bytes, 0) / head.size) }
}

async function project(admin: Sql): Promise<number> {
  const began = performance.now()
  let count = 0
  for (;;) {
    const [row] = await admin<[{ n: number }]>`select log.project_events(2000) as n`
    if (row.n === 0) return (count / (performance.now() - began)) * 1_000
    count += row.n
    if (count % 500_000 < 2_000) tell(`${count} projected`)
  }
}

async function measure(running: RunningBroker, fill: Fill, names: readonly Names[]): Promise<Record<string, Times>> {
  const moment = (share: number): string => new Date(fill.fromMs + share * (fill.toMs - fill.fromMs)).toISOString()
  const results: Record<string, Times> = {}
  for (const [name, of] of questions) {
    const into: Times = { first: [], next: [], short: 0 }
    results[name] = into
    for (const [nth, which] of names.entries())
      await ask(running, `/v1/audit?${of(which, moment, nth)}`.replace(/\?$/, ''), pages, into)
    const { first, next, short } = into
    const [f, n] = [percentiles(first), percentiles(next)]
    tell(
      `${name.padEnd(20)} first p50 ${f.p50.toFixed(1)} p95 ${f.p95.toFixed(1)} max ${f.max.toFixed(1)} ms; next max ${n.max.toFixed(1)} ms; short ${short}`,
    )
  }
  const trail: Times = { first: [], next: [], short: 0 }
  results['trail'] = trail
  for (const { account } of names) await ask(running, `/v1/accounts/acct_${account}/trail`, pages, trail)
  return results
}

const cluster = await startRunCluster({
  onDisk: true,
  settings: { shared_buffers: '1GB', max_wal_size: '8GB', maintenance_work_mem: '256MB' },
})
let running: RunningBroker | undefined
let admin: Sql | undefined
try {
  const urls = await prepareDatabase(cluster.adminUrl, 'bench_audit', passwords)
  const adminUrl = new URL(cluster.adminUrl)
  adminUrl.pathname = '/bench_audit'
  admin = postgres(adminUrl.href, { max: 1, onnotice: () => {}, types: { bigint: postgres.BigInt } })
  running = await startRunningBroker({ databaseUrl: urls.app })
  const tenantId = running.ids.tenant.replace(/^ten_(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  const wanted = { tenantId, otherTenantId: crypto.randomUUID(), entries, days }
  const fill = await fillLog(admin, wanted, tell)
  tell(`Filled in ${Math.round(fill.fillMs / 1000)} s.`)
  const projectedPerSecond = await project(admin)
  await admin.unsafe('vacuum analyze log.event, log.entry, log.body')
  const bytes = await sizes(admin)
  tell(JSON.stringify(bytes))
  const names = await namesIn(admin, fill, times)
  await measure(running, fill, names.slice(0, 2))
  const results = await measure(running, fill, names)
  const counting = performance.now()
  await running.v1('GET', '/v1/audit?limit=1&count=exact&type=token.issued')
  const countMs = performance.now() - counting
  const first = percentiles(Object.values(results).flatMap(({ first: each }) => each))
  const any = percentiles(Object.values(results).flatMap(({ first: a, next }) => [...a, ...next]))
  const figures = {
    entries,
    first_page_p50_ms: Number(first.p50.toFixed(1)),
    first_page_p95_ms: Number(first.p95.toFixed(1)),
    worst_question_first_page_p95_ms: Number(
      Math.max(...Object.values(results).map(({ first: each }) => percentiles(each).p95)).toFixed(1),
    ),
    any_page_p99_ms: Number(any.p99.toFixed(1)),
    any_page_max_ms: Number(any.max.toFixed(1)),
    count_exact_ms: Math.round(countMs),
    projected_per_s: Math.round(projectedPerSecond),
    ...bytes,
  }
  if (values.json) console.log(JSON.stringify({ name: 'bench:audit', machine: describeMachine(), figures }))
  else for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(36)} ${value}`)
} finally {
  await running?.close()
  await admin?.end({ timeout: 2 })
  await cluster.stop()
}
