// Fault F14: yesterday's backup is restored. What was revoked since must not revive, at the broker or at a guard; the log begins a new
// shard that names the fork; and nobody gets anything before somebody has looked.
//
// The backup is a copy of the whole database; the sealer's tiles and its last checkpoint are newer, as they are after a restore.

import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import { createLogger } from '#apps/process/logger.ts'
import { openDiskStore } from '#apps/process/tiles/disk-store.ts'
import { LogSealer } from '#apps/worker/sealer/seal-log.ts'
import { parseId } from '#core/ids/id.ts'
import { createOperator } from '#core/operators/operator-tokens.ts'
import { createNoteSigner } from '#core/tlog/note.ts'
import { readLogHead } from '#db/log/seal.ts'
import { backupOf } from '#test/setup/copy-database.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createHttpsClient, type HttpsClient } from '#test/setup/https-client.ts'
import { type RunningBroker, resourceUri, startRunningBroker } from '#test/setup/running-broker.ts'
import { createGuard, type Guard } from '../../packages/guard/src/index.ts'

const state = mkdtempSync(join(tmpdir(), 'mayfly-restore-'))
const { privateKey } = generateKeyPairSync('ed25519')

let db: TestDatabase
let backup: ReturnType<typeof backupOf>
let running: RunningBroker
let broker: Broker
let guard: Guard
let https: HttpsClient
beforeAll(async () => {
  db = await createTestDatabase()
  backup = backupOf(db.urls.app)
  running = await startRunningBroker({ databaseUrl: db.urls.app, config: { logState: state, onRestore: 'begin' } })
  broker = running.broker
  https = createHttpsClient(running.ca.certificatePem)
  guard = newGuard()
})
afterAll(async () => {
  await guard?.close()
  await https?.close()
  await broker?.close().catch(() => {})
  await running?.close().catch(() => {})
  await db?.close()
  rmSync(state, { recursive: true, force: true })
})

/** As the worker seals: into tiles, the database, and the file outside of both. */
async function seal(): Promise<{ size: number; shard: string; root: string }> {
  const sealer = new LogSealer({
    sql: db.database.sql,
    tiles: openDiskStore(join(state, 'tiles')),
    stateDir: state,
    host: new URL(running.issuer).host,
    signers: origin => [createNoteSigner(origin, privateKey)],
  })
  const { size, shard } = await sealer.round()
  return { size, shard, root: sealer.log!.signed!.root.toString('base64') }
}

/** As clients do: 503 is asked again. */
const issue = (runId: string) =>
  vi.waitFor(
    async () => {
      const answer = await running.token(running.form({ task_id: runId }), running.certificate)
      if (answer.status === 503) throw new Error(answer.text)
      return answer
    },
    { timeout: 20_000, interval: 200 },
  )
const tokenOf = async (runId: string): Promise<string> => {
  const answer = await issue(runId)
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body.access_token
}
const newGuard = (): Guard =>
  createGuard({
    issuer: running.issuer,
    resource: resourceUri,
    tls: { ca: running.ca.certificatePem },
    credential: running.resourceSecrets.pop,
    replay: ['pop'],
    report: false,
    revocation: { mode: 'feed', name: 'orders' },
  })
const verdictOf = async (token: string, by = guard): Promise<string> => {
  const verdict = await by.verify({
    method: 'GET',
    url: `${resourceUri}/orders/1`,
    headers: { authorization: `Bearer ${token}` },
    certificate: new X509Certificate(running.certificate.certificatePem).raw,
    scope: ['orders:read'],
  })
  return verdict.ok ? 'let in' : verdict.reason
}
const isActive = async (token: string): Promise<boolean> => {
  const form = new URLSearchParams({ token })
  const response = await https.send(`${running.issuer}/introspect`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${running.resourceSecrets.pop}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: form.toString(),
  })
  return JSON.parse(response.text).active
}
const start = (lines: string[] = []): Promise<Broker> =>
  startBroker(
    running.config,
    createLogger('broker', 'info', line => lines.push(line)),
  )

/** Why a guard refuses what was issued before: the feed says so, or the key is gone from where it looks keys up. */
const dead = /^(token_revoked|key_unknown)$/

/** A token of a new operator: those of before the restore are dead. */
const newOperator = async (): Promise<string> => {
  const tenantId = parseId('tenant', running.ids.tenant)!
  const input = { name: 'after', role: 'tenant-admin', tenantId, ttlSeconds: 600 } as const
  const { secret } = await db.database.db
    .forTenant(tenantId)
    .transaction()
    .execute(trx => createOperator(trx, undefined, input, Date.now()))
  return secret
}

test('F14: after yesterday’s backup was restored every earlier token is dead at broker and guards, and what was revoked since does not revive', async () => {
  const before = { kept: await tokenOf('kept'), revoked: await tokenOf('revoked') }
  await seal()
  await broker.close()
  await backup.take()

  // What is lost: a revocation, a new agent's token, a rotation of keys, an operator who left.
  broker = await start()
  const accountOf = (token: string): string => decodeJwt(token)['account_id'] as string
  await vi.waitFor(async () => {
    const answer = await running.v1('POST', `/v1/accounts/${accountOf(before.revoked)}/revoke`, {})
    expect(answer.status, answer.text).toBe(200)
  }, 10_000)
  const rotated = await running.v1('POST', '/v1/keys/rotate', { use: 'signing', now: true })
  expect(rotated.status).toBeLessThan(300)
  const later = await tokenOf('after-the-backup')
  const sealed = await seal()
  await vi.waitFor(async () => expect(await verdictOf(later)).toBe('let in'), 10_000)
  expect(await verdictOf(before.revoked)).toMatch(dead)

  await broker.close()
  await backup.putBack()
  await expect(seal()).rejects.toThrow('entries are sealed, the database has')
  const lines: string[] = []
  broker = await start(lines)
  expect(await seal()).not.toMatchObject({ shard: sealed.shard })

  const [fork] = await db.admin<{ from_shard: string; to_shard: string; size: number; sealed_size: number }[]>`
    select from_shard, to_shard, size::int as size, sealed_size::int as sealed_size from log.fork`
  expect(fork).toMatchObject({ from_shard: sealed.shard, sealed_size: sealed.size })
  expect(fork!.size).toBeLessThan(sealed.size)
  const [entry] = await db.admin<{ leaf: string; body: string }[]>`
    select leaf, body from across.read_log(${fork!.size}, 1)`
  expect(JSON.parse(entry!.leaf)).toMatchObject({ type: 'log.restored' })
  expect(JSON.parse(entry!.body)).toMatchObject({ ...fork, sealed_root: sealed.root })
  expect((await readLogHead(db.database.sql)).shard).toBe(fork!.to_shard)
  expect(lines.join('\n')).toContain('an earlier state was restored')

  // At the broker, and at the guard, which has known these tokens and keeps the keys from before.
  for (const token of [before.kept, before.revoked, later]) expect(await isActive(token)).toBe(false)
  await vi.waitFor(async () => {
    for (const token of [before.kept, before.revoked, later]) expect(await verdictOf(token)).toMatch(dead)
  }, 15_000)

  // Nobody gets anything, and the operators' own tokens are dead.
  for (const runId of ['kept', 'revoked', 'after-the-backup', 'new']) expect(await issue(runId)).toMatchObject({ status: 400 })
  expect((await running.v1('GET', '/v1/agents')).status).toBe(401)

  // Somebody looks: agents and trust sources go on, one account does, the revoked one ends again.
  const operator = await newOperator()
  const restore = (await running.v1('GET', '/v1/restore', undefined, operator)).body
  expect(restore).toMatchObject({ forks: [{ finished: true, sealed_size: sealed.size }], held: { accounts: 2 } })
  for (const { id } of restore.trust_sources)
    expect((await running.v1('POST', `/v1/trust-sources/${id}/reinstate`, undefined, operator)).status).toBe(200)
  for (const { id } of restore.agents)
    expect((await running.v1('POST', `/v1/agents/${id}/reinstate`, undefined, operator)).status).toBe(200)
  expect(await issue('kept')).toMatchObject({ status: 400 })
  await running.v1('POST', `/v1/accounts/${accountOf(before.revoked)}/revoke`, {}, operator)
  const reinstated = await running.v1('POST', `/v1/accounts/${accountOf(before.kept)}/reinstate`, undefined, operator)
  expect(reinstated).toMatchObject({ status: 200, body: { state: 'active' } })
  const fresh = await vi.waitFor(() => tokenOf('kept'), 10_000)
  expect(accountOf(fresh)).toBe(accountOf(before.kept))
  // A guard that is up asks for keys it does not know now and then; one that starts has them.
  await using started = new AsyncDisposableStack()
  const another = newGuard()
  started.defer(() => another.close())
  await vi.waitFor(async () => expect(await verdictOf(fresh, another)).toBe('let in'), 15_000)
  expect(await issue('revoked')).toMatchObject({ status: 400 })
  for (const token of [before.kept, before.revoked, later])
    for (const by of [guard, another]) expect(await verdictOf(token, by)).toMatch(dead)
  expect((await running.v1('GET', '/v1/restore', undefined, operator)).body.held).toEqual({
    agents: 0,
    trust_sources: 0,
    accounts: 0,
  })
  expect(await db.admin`select scope from mayfly.live_count where live <> 1 and live <> 0`).toEqual([])

  // Starting again changes nothing.
  await broker.close()
  broker = await start()
  expect(await db.admin`select id from log.fork`).toHaveLength(1)
  await vi.waitFor(async () => expect(await verdictOf(fresh, another)).toBe('let in'), 15_000)
}, 90_000)

test('F14: where it is told to refuse, a broker on an earlier database does not start, and says what to do', async () => {
  await seal()
  await broker.close()
  await backup.take()
  broker = await start()
  await seal()
  await issue('lost')
  await seal()
  await broker.close()
  await backup.putBack()
  const forks = await db.admin`select id from log.fork`
  await expect(startBroker({ ...running.config, onRestore: 'refuse' }, createLogger('broker', 'silent'))).rejects.toMatchObject({
    hint: expect.stringContaining('deploy/restore.ts begin'),
  })
  expect(await db.admin`select id from log.fork`).toEqual(forks)
}, 60_000)
