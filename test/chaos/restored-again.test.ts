// Fault F14, when it comes twice: the same backup is restored a second time, and it is one that was taken just as its log was sealed to the
// end. Then that log's last checkpoint fits, and only the one of the log that the first restore began says what happened.

import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import { createLogger } from '#apps/process/logger.ts'
import { openTileStore } from '#apps/process/tiles/open-tile-store.ts'
import { LogSealer } from '#apps/worker/sealer/seal-log.ts'
import { parseId } from '#core/ids/id.ts'
import { createOperator } from '#core/operators/operator-tokens.ts'
import { createNoteSigner } from '#core/tlog/note.ts'
import { listForks } from '#db/restore/forks.ts'
import { beginByHand } from '#deploy/restore.ts'
import { backupOf } from '#test/setup/copy-database.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { type RunningBroker, resourceUri, startRunningBroker } from '#test/setup/running-broker.ts'
import { createGuard, type Guard } from '../../packages/guard/src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'mayfly-again-'))
const logState = join(folder, 'state')
const logTiles = { folder: join(folder, 'tiles') }
const { privateKey } = generateKeyPairSync('ed25519')

let db: TestDatabase
let running: RunningBroker
let broker: Broker
let guard: Guard
beforeAll(async () => {
  db = await createTestDatabase()
  running = await startRunningBroker({ databaseUrl: db.urls.app, config: { logState, onRestore: 'begin' } })
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
  rmSync(folder, { recursive: true, force: true })
})

const seal = () =>
  new LogSealer({
    sql: db.database.sql,
    tiles: openTileStore(logTiles),
    stateDir: logState,
    host: new URL(running.issuer).host,
    signers: origin => [createNoteSigner(origin, privateKey)],
  }).round()
const start = (): Promise<Broker> => startBroker(running.config, createLogger('broker', 'silent'))
const tokenOf = (runId: string): Promise<string> =>
  vi.waitFor(
    async () => {
      const answer = await running.token(running.form({ task_id: runId }), running.certificate)
      if (answer.status !== 200) throw new Error(answer.text)
      return answer.body.access_token
    },
    { timeout: 15_000, interval: 200 },
  )
const verdictOf = async (token: string): Promise<string> => {
  const verdict = await guard.verify({
    method: 'GET',
    url: `${resourceUri}/orders/1`,
    headers: { authorization: `Bearer ${token}` },
    certificate: new X509Certificate(running.certificate.certificatePem).raw,
    scope: ['orders:read'],
  })
  return verdict.ok ? 'let in' : verdict.reason
}
const forks = () => listForks(db.database.db)

/** As somebody who has looked. */
async function letAllGoOn(): Promise<void> {
  const tenantId = parseId('tenant', running.ids.tenant)!
  const input = { name: 'after', role: 'tenant-admin', tenantId, ttlSeconds: 600 } as const
  const { secret } = await db.database.db
    .forTenant(tenantId)
    .transaction()
    .execute(trx => createOperator(trx, undefined, input, Date.now()))
  const restore = await vi.waitFor(async () => {
    const answer = await running.v1('GET', '/v1/restore', undefined, secret)
    expect(answer.status, answer.text).toBe(200)
    return answer
  }, 10_000)
  const { trust_sources, agents } = restore.body
  for (const { id } of trust_sources) await running.v1('POST', `/v1/trust-sources/${id}/reinstate`, undefined, secret)
  for (const { id } of agents) await running.v1('POST', `/v1/agents/${id}/reinstate`, undefined, secret)
}

test('F14: a second restore of one backup is noticed by the log that the first one began, and kills what was issued between the two', async () => {
  await tokenOf('before')
  await broker.close()
  const first = await seal()
  const backup = backupOf(db.urls.app)
  await backup.take()
  await backup.putBack()
  // The last checkpoint fits: only by hand.
  await beginByHand({ ...running.config, operatorTokenFile: undefined }, false, () => {})
  broker = await start()
  await letAllGoOn()
  const between = await tokenOf('between')
  await vi.waitFor(async () => expect(await verdictOf(between)).toBe('let in'), 100_000)
  await broker.close()
  const second = await seal()
  expect(second.shard).not.toBe(first.shard)

  await backup.putBack()
  broker = await start()
  const [fork, ...more] = await forks()
  expect(more).toEqual([])
  expect(fork).toMatchObject({ fromShard: first.shard, finished: true })
  expect([first.shard, second.shard]).not.toContain(fork!.toShard)
  const [epoch] = await db.admin<{ epoch: number }[]>`
    select config_epoch::float8 as epoch from mayfly.tenant where id = ${parseId('tenant', running.ids.tenant)!}`
  expect(epoch!.epoch).toBeGreaterThan(decodeJwt(between)['cfg'] as number)
  await vi.waitFor(async () => expect(await verdictOf(between)).toMatch(/^(token_revoked|key_unknown)$/), 15_000)

  // It knows that log now.
  await seal()
  await broker.close()
  broker = await start()
  expect(await forks()).toHaveLength(1)

  // Somebody has deleted the folder meanwhile: the tile store tells, to who is told where it is.
  await letAllGoOn()
  await broker.close()
  await seal()
  rmSync(logState, { recursive: true })
  await backup.putBack()
  broker = await startBroker({ ...running.config, logTiles }, createLogger('broker', 'silent'))
  expect(await forks()).toMatchObject([{ fromShard: first.shard, finished: true }])
  expect((await forks())[0]!.toShard).not.toBe(fork!.toShard)
}, 150_000)
