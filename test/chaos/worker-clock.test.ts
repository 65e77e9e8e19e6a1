// Fault F8, at the worker: the wall clock of its machine is ten minutes off. Only the database's clock decides what is due, and when
// the log says that it was.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTenant } from '#test/db/log/requests.ts'
import { openAccount, readAccountEvents } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

const main = fileURLToPath(import.meta.resolve('#apps/worker/main.ts'))
const preloads = ['end-with-parent.ts', 'shift-clock.ts'].map(file => fileURLToPath(new URL(`rig/${file}`, import.meta.url)))

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase()
  tenantId = await createTenant(db.admin)
})
afterAll(() => db.close())

async function startWorker(shiftMs: number): Promise<ChildProcess> {
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: db.urls.app,
    QUEUE_DATABASE_URL: db.urls.queue,
    MAYFLY_KEK: randomBytes(32).toString('base64url'),
    MAYFLY_TEST_SHIFT_MS: String(shiftMs),
  }
  const imports = preloads.flatMap(file => ['--import', file])
  const child = spawn(process.execPath, [...imports, main], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk
  })
  await expect.poll(() => said, { timeout: 20_000 }).toContain('worker started')
  return child
}

test.each([
  ['ahead', 600_000],
  ['behind', -600_000],
])(
  'F8: a worker whose clock is ten minutes %s collects what is due, nothing sooner, and dates it rightly',
  async (_, shiftMs) => {
    await startWorker(shiftMs)
    const [due, later] = [
      await openAccount(db.database.sql, tenantId, { ttlSeconds: 1 }),
      await openAccount(db.database.sql, tenantId, { ttlSeconds: 300 }),
    ]
    const gone = async (id: string) => (await db.admin`select from mayfly.tombstone where account_id = ${id}`).count === 1
    await expect.poll(() => gone(due.id), { timeout: 15_000 }).toBe(true)
    expect(await gone(later.id)).toBe(false)
    expect((await readAccountEvents(db.admin)).get(later.id)).toEqual(['account.opened'])
    const [leaf] = await db.admin<[{ time: number; late: number }]>`
    select (e.leaf::jsonb->>'time')::float8 as time, (b.body::jsonb->>'late_ms')::float8 as late
      from log.entry e join log.body b using (position)
     where e.leaf::jsonb->>'account' = ${due.id} and e.leaf::jsonb->>'type' = 'account.expired'`
    expect(leaf.time).toBeGreaterThanOrEqual(due.deadline * 1_000 - 1)
    expect(leaf.time - due.deadline * 1_000).toBeLessThan(10_000)
    expect(leaf.late).toBeLessThan(10_000)
  },
)
