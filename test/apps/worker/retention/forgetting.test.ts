import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readLedgerSettings } from '#apps/process/erasure-ledger.ts'
import { createLogger } from '#apps/process/logger.ts'
import { startForgetting } from '#apps/worker/retention/forgetting.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
let folder: string
beforeAll(async () => {
  db = await createTestDatabase()
  folder = mkdtempSync(join(tmpdir(), 'mayfly-ledger-'))
})
afterAll(async () => {
  await db.close()
  rmSync(folder, { recursive: true, force: true })
})

async function anErasure(): Promise<string> {
  const [id, tenant] = [randomUUID(), randomUUID()]
  await db.admin`insert into mayfly.tenant (id, slug, name) values (${tenant}, ${`t${tenant}`}, 'x')`
  await db.admin`insert into mayfly.erasure (id, tenant_id, key_ids, person_ids) values (${id}, ${tenant}, ${[randomUUID()]}, '{}')`
  return id
}
const start = (erasureLedger: string | undefined, lines: string[] = [], logState?: string) => {
  const registry = new Registry()
  const config = {
    ...(logState !== undefined && { logState }),
    keyEncryptionKey: randomBytes(32),
    ...(erasureLedger !== undefined && { erasureLedger: { folder: erasureLedger } }),
  }
  const logger = createLogger('worker', 'info', line => lines.push(line))
  return { registry, ...startForgetting({ config, database: db.database, logger, registry }) }
}

test('an erasure is written into the folder, once, and is told of as under way until then', async () => {
  const id = await anErasure()
  const without = start(undefined)
  expect(await without.sweep(0)).toMatchObject({ ledgered: 0, unledgered: 1 })
  expect(await without.registry.metrics()).toContain('mayfly_erasures{kind="unledgered"} 1')
  await without.close()
  const forgetting = start(folder)
  expect(await forgetting.sweep(0)).toMatchObject({ ledgered: 1, unledgered: 0 })
  expect(await forgetting.sweep(0)).toMatchObject({ ledgered: 0, unledgered: 0 })
  expect(readdirSync(join(folder, 'erasures'))).toEqual(['00000001.json', 'head.json'])
  expect(JSON.parse(readFileSync(join(folder, 'erasures', '00000001.json'), 'utf8'))).toMatchObject({ id, previous: null })
  expect(await forgetting.registry.metrics()).toContain('mayfly_erasures{kind="unledgered"} 0')
  await forgetting.close()
})

test('while the ledger cannot be written nothing goes on, and nothing is lost', async () => {
  await anErasure()
  const forgetting = start('/dev/null/ledger')
  await expect(forgetting.sweep(0)).rejects.toThrow()
  const [row] = await db.admin`select count(*)::int as n from mayfly.erasure where swept_at is null and ledgered_at is null`
  expect(row!['n']).toBe(1)
  await forgetting.close()
  const again = start(folder)
  expect(await again.sweep(0)).toMatchObject({ ledgered: 1 })
  await again.close()
})

test('a worker whose ledger has lost its end since does not go on, and says so', async () => {
  const own = mkdtempSync(join(tmpdir(), 'mayfly-ledger-'))
  const [ledger, state] = [join(own, 'ledger'), join(own, 'state')]
  await anErasure()
  const forgetting = start(ledger, [], state)
  expect(await forgetting.sweep(0)).toMatchObject({ ledgered: 1 })
  await forgetting.close()
  rmSync(ledger, { recursive: true })
  const again = start(ledger, [], state)
  await expect(again.sweep(0)).rejects.toMatchObject({ hint: expect.stringContaining('had 1 entries') })
  await again.close()
  rmSync(own, { recursive: true })
})

test('each tenant gets its key for names in the ledger before anybody is erased', async () => {
  await anErasure()
  const forgetting = start(folder)
  await forgetting.sweep(0)
  const [row] = await db.admin`
    select count(*)::int as missing from mayfly.tenant t where not exists (select from mayfly.erasure_key k where k.tenant_id = t.id)`
  expect(row!['missing']).toBe(0)
  await forgetting.close()
})

test('the round that drops what is over thins the checkpoints of the log too', async () => {
  const shard = randomUUID()
  await db.admin`
    insert into log.checkpoint (shard, size, root, at, note)
    select ${shard}, m, decode(repeat('00', 32), 'hex'), '2026-01-02T03:00:00Z'::timestamptz + make_interval(mins => m), 'note' from generate_series(1, 9) m`
  const lines: string[] = []
  const forgetting = start(folder, lines)
  await forgetting.drop()
  expect(await db.admin`select size::int from log.checkpoint where shard = ${shard}`).toEqual([{ size: 9 }])
  expect(lines.join()).toContain('checkpoints that nothing needs any more have gone')
  await forgetting.close()
})

test('a fresh log has nothing to drop', async () => {
  const forgetting = start(folder)
  expect(await forgetting.drop()).toEqual({ months: [], rows: 0 })
  await forgetting.close()
})

test('the setting is a folder or an object store, and what is wrong with it is said by its own name', () => {
  const problems: string[] = []
  expect(readLedgerSettings({ MAYFLY_ERASURE_LEDGER: '/var/lib/erasures' }, problems)).toEqual({
    erasureLedger: { folder: '/var/lib/erasures' },
  })
  expect(readLedgerSettings({ MAYFLY_LOG_TILES: '/tiles' }, problems)).toEqual({ erasureLedger: undefined })
  expect(problems).toEqual([])
  readLedgerSettings({ MAYFLY_ERASURE_LEDGER: 's3://' }, problems)
  expect(problems.join()).toContain('MAYFLY_ERASURE_LEDGER')
  expect(problems.join()).not.toContain('MAYFLY_LOG_TILES')
})
