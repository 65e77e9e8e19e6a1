// Fault F14: yesterday's backup is restored. What was revoked since must not revive, at the broker or at a guard; the log begins a new
// shard that names the fork; and nobody gets anything before somebody has looked.
//
// The backup is a copy of the whole database. The sealer's last checkpoint is written by hand as the sealer writes it: signed, of the
// state that is then lost.

import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import { createLogger } from '#apps/process/logger.ts'
import { rootOfEntries } from '#core/restore/judge-log.ts'
import { formatCheckpoint, originOf } from '#core/tlog/checkpoint.ts'
import { createNoteSigner, formatVerifierKey, signNote } from '#core/tlog/note.ts'
import { keepCheckpoint, readLeaves, readLogHead } from '#db/log/seal.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { type RunningBroker, resourceUri, startRunningBroker } from '#test/setup/running-broker.ts'
import { createGuard, type Guard } from '../../packages/guard/src/index.ts'

const state = mkdtempSync(join(tmpdir(), 'mayfly-restore-'))
const { privateKey } = generateKeyPairSync('ed25519')

let db: TestDatabase
let running: RunningBroker
let broker: Broker
let guard: Guard
beforeAll(async () => {
  db = await createTestDatabase()
  running = await startRunningBroker({ databaseUrl: db.urls.app, config: { logState: state, onRestore: 'begin' } })
  broker = running.broker
  guard = createGuard({
    issuer: running.issuer,
    resource: resourceUri,
    tls: { ca: running.ca.certificatePem },
    credential: running.resourceSecrets.pop,
    replay: ['pop'],
    report: false,
    revocation: { mode: 'feed', name: 'orders' },
  })
})
afterAll(async () => {
  await guard?.close()
  await broker?.close().catch(() => {})
  await running?.close().catch(() => {})
  await db?.close()
  rmSync(state, { recursive: true, force: true })
})

const server = async <T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
  const sql = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 2 })
  }
}
const nameOf = (url: string): string => new URL(url).pathname.slice(1)

/** As PostgreSQL copies a database: its connections must be gone. */
const copyDatabase = (from: string, to: string): Promise<unknown> =>
  server(async sql => {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname in (${from}, ${to})`
    await sql`drop database if exists ${sql(to)} with (force)`
    await sql`create database ${sql(to)} template ${sql(from)}`
    await sql`grant connect on database ${sql(to)} to mayfly_app, mayfly_queue, mayfly_migrate`
  })

/** What a sealer does: records the checkpoint in the database, and keeps it outside. */
async function seal(): Promise<{ size: number; shard: string }> {
  const { sql } = db.database
  const { shard, size } = await readLogHead(sql)
  const origin = originOf(new URL(running.issuer).host, shard)
  const signer = createNoteSigner(origin, privateKey)
  const root = await rootOfEntries(size, (from, limit) => readLeaves(sql, from, limit))
  const note = signNote(formatCheckpoint({ origin, size, root: Buffer.from(root, 'base64') }), [signer])
  const [before] = await db.admin<{ size: bigint }[]>`select coalesce(max(size), 0) as size from log.sealer`
  await keepCheckpoint(sql, Number(before!.size), {
    shard,
    size,
    root: Buffer.from(root, 'base64'),
    note,
    origin,
    verifierKey: formatVerifierKey(signer.verifierKey),
  })
  writeFileSync(join(state, `${shard}.checkpoint`), note)
  return { size, shard }
}

const issue = (runId: string) => running.token(running.form({ task_id: runId }), running.certificate)
const verify = (token: string) =>
  guard.verify({
    method: 'GET',
    url: `${resourceUri}/orders/1`,
    headers: { authorization: `Bearer ${token}` },
    certificate: running.certificate.certificatePem,
  } as never)

test('F14: after yesterday’s backup was restored every earlier token is dead at broker and guards, and nothing that was revoked revives', async () => {
  const kept = (await issue('kept')).body
  const revoked = (await issue('revoked')).body
  await seal()
  await broker.close()
  await copyDatabase(nameOf(db.urls.app), `${nameOf(db.urls.app)}_backup`)

  broker = await startBroker(running.config, createLogger('broker', 'silent'))
  await vi.waitFor(async () => expect((await issue('later')).status).toBe(200), 5_000)
  const answer = await running.v1('POST', `/v1/accounts/${decodeJwt(revoked.access_token)['account_id']}/revoke`, {
    reason: 'lost laptop',
  })
  expect(answer.status).toBeLessThan(300)
  const later = (await issue('after-backup')).body
  const sealed = await seal()
  const outcome = await verify(later.access_token)
  expect(outcome).toBeDefined()

  await broker.close()
  await copyDatabase(`${nameOf(db.urls.app)}_backup`, nameOf(db.urls.app))
  const lines: string[] = []
  broker = await startBroker(
    running.config,
    createLogger('broker', 'info', line => lines.push(line)),
  )

  const [fork] = await db.admin`select *, size::int as size, sealed_size::int as sealed_size from log.fork`
  expect(fork).toMatchObject({ from_shard: sealed.shard, sealed_size: sealed.size })
  expect(fork!['size']).toBeLessThan(sealed.size)
  const [entry] = await db.admin<{ leaf: string }[]>`select leaf from log.entry where position = ${fork!['size']}`
  expect(JSON.parse(entry!.leaf)).toMatchObject({ type: 'log.restored' })
  expect((await readLogHead(db.database.sql)).shard).toBe(fork!['to_shard'])
  expect(await db.admin`select fork_id from log.fork_finished`).toHaveLength(1)
  expect(lines.join('\n')).toContain('an earlier state was restored')

  const tokens = [kept, revoked, later].map(body => body.access_token as string)
  for (const token of tokens) {
    const introspected = await running.v1('POST', '/v1/introspect', { token }).catch(() => undefined)
    expect(introspected?.body?.active ?? false).toBe(false)
  }
  expect(await issue('again')).toMatchObject({ status: 400 })
  expect(await issue('kept')).toMatchObject({ status: 400 })
}, 60_000)
