// Fault F9: a worker stands still in the middle of its work for far longer than others wait for it, then goes on as if nothing had
// been. For the full minute: MAYFLY_CHAOS_BLOCK_SECONDS=60.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { createQueues } from '#apps/process/queues.ts'
import { createOutboxHandlers } from '#apps/worker/outbox/handlers.ts'
import { type Reaper, startReaper } from '#apps/worker/reaper.ts'
import { createReaperMetrics } from '#apps/worker/reaper-metrics.ts'
import { readReaperBacklog } from '#db/accounts/due.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { createTenant, event } from '#test/db/log/requests.ts'
import { lineageUnder, openAccount, openAccounts, readAccountEvents, type TestAccount } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

const takeOverMs = 1_000
const blockMs = Number(process.env['MAYFLY_CHAOS_BLOCK_SECONDS'] ?? 6) * 1_000
const script = fileURLToPath(new URL('rig/blocking-worker.ts', import.meta.url))

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 })
  tenantId = await createTenant(db.admin)
})
afterAll(() => db.close())

async function startChild(): Promise<{ child: ChildProcess; says(line: string): Promise<unknown> }> {
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: db.urls.app,
    QUEUE_DATABASE_URL: db.urls.queue,
    MAYFLY_TEST_BLOCK_MS: String(blockMs),
    MAYFLY_TEST_TAKE_OVER_MS: String(takeOverMs),
  }
  const child = spawn(process.execPath, [script], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk
  })
  return { child, says: line => expect.poll(() => said, { timeout: blockMs + 20_000 }).toContain(line) }
}

function startOther(): Reaper {
  const metrics = createReaperMetrics(new Registry(), () => readReaperBacklog(db.database.sql))
  const queues = createQueues({ queueDatabaseUrl: db.urls.queue })
  const handlers = createOutboxHandlers({ database: db.database })
  return startReaper({ database: db.database, logger: createLogger('worker', 'silent'), queues, handlers, metrics, takeOverMs })
}

const left = async (): Promise<number> => {
  const [row] = await db.admin<[{ left: number }]>`
    select (select count(*)::int from mayfly.account) + (select count(*)::int from mayfly.outbox) as left`
  return row.left
}
const tombstones = async (): Promise<number> => (await db.admin`select from mayfly.tombstone`).count

/** A root that was revoked a moment ago, its children still to be told. */
async function openTree(children: number): Promise<{ root: TestAccount; children: TestAccount[] }> {
  const root = await openAccount(db.database.sql, tenantId)
  const below = await openAccounts(db.database.sql, tenantId, children, { lineage: lineageUnder(root) })
  const change = {
    accountId: root.id,
    tenantId,
    transition: 'revoke',
    generation: 1,
    event: event({ account: root.id, type: 'account.revoked' }),
  }
  expect((await transitionAccounts(db.database.sql, [change]))[0]!.outcome).toBe('done')
  return { root, children: below }
}

test('F9: each account gets one end, one tombstone and one event of each, by whichever worker', {
  timeout: blockMs + 60_000,
}, async () => {
  const due = await openAccounts(db.database.sql, tenantId, 4_000, { ttlSeconds: -1 })
  const trees = [await openTree(300), await openTree(300)]
  const { child, says } = await startChild()
  await says('started')
  await expect
    .poll(async () => (await db.admin`select from mayfly.account where state = 'e'`).count, { interval: 5, timeout: 10_000 })
    .toBeGreaterThan(0)
  child.kill('SIGUSR2')
  const stoodStillAt = performance.now()
  await expect.poll(left, { timeout: 1_000, interval: 20 }).toBeGreaterThan(0)
  const other = startOther()
  await expect.poll(left, { timeout: 30_000, interval: 50 }).toBe(0)
  const wait = performance.now() - stoodStillAt
  expect(wait, 'the other worker did not wait for the one that stands still').toBeLessThan(blockMs)
  await says('awake')
  await other.close()

  const late = await openAccounts(db.database.sql, tenantId, 10, { ttlSeconds: 0.1 })
  const all = due.length + late.length + 602
  await expect.poll(tombstones, { timeout: 10_000 }).toBe(all)
  const events = await readAccountEvents(db.admin)
  for (const { id } of [...due, ...late]) expect(events.get(id)).toEqual(['account.opened', 'account.expired', 'account.reaped'])
  for (const { id } of trees.flatMap(({ root, children }) => [root, ...children]))
    expect(events.get(id)).toEqual(['account.opened', 'account.revoked', 'account.reaped'])
  const [row] = await db.admin<[{ live: number }]>`select coalesce(sum(live), 0)::int as live from mayfly.live_count`
  expect(row.live).toBe(0)
})
