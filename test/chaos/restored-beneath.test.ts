// Fault F14 in operation: an earlier state of the database is restored beneath broker and worker that run. Nothing outside of it says so here.
// They saw more of the log than there is now, so they stop: no token, no answer, nothing more to guards, nothing done to accounts.

import { X509Certificate } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { type RunningWorker, startWorker } from '#apps/worker/worker.ts'
import { backupOf } from '#test/setup/copy-database.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createHttpsClient, type HttpsClient } from '#test/setup/https-client.ts'
import { type RunningBroker, resourceUri, startRunningBroker } from '#test/setup/running-broker.ts'
import { createGuard, type Guard } from '../../packages/guard/src/index.ts'

let db: TestDatabase
let running: RunningBroker
let worker: RunningWorker
const workerLines: string[] = []
let guard: Guard
let https: HttpsClient
beforeAll(async () => {
  db = await createTestDatabase()
  running = await startRunningBroker({ databaseUrl: db.urls.app })
  const { databaseUrl, keyEncryptionKey } = running.config
  worker = await startWorker(
    { databaseUrl, keyEncryptionKey, logLevel: 'info', redisUrl: undefined, queueDatabaseUrl: db.urls.queue },
    createLogger('worker', 'info', line => workerLines.push(line)),
  )
  https = createHttpsClient(running.ca.certificatePem)
  guard = createGuard({
    issuer: running.issuer,
    resource: resourceUri,
    tls: { ca: running.ca.certificatePem },
    credential: running.resourceSecrets.pop,
    replay: ['pop'],
    report: false,
    revocation: { mode: 'feed', name: 'orders', maxStaleSeconds: 2 },
  })
})
afterAll(async () => {
  await guard?.close()
  await https?.close()
  await worker?.close().catch(() => {})
  await running?.close().catch(() => {})
  await db?.close()
})

const issue = (runId: string) => running.token(running.form({ task_id: runId }), running.certificate)
const tokenOf = (runId: string): Promise<string> =>
  vi.waitFor(
    async () => {
      const answer = await issue(runId)
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
const get = (path: string) => https.send(`${running.issuer}${path}`, { method: 'GET', headers: {} })

test('F14: broker and worker beneath which an earlier state was restored serve nobody any more, within seconds, and say what to do', async () => {
  const [kept, revoked] = [await tokenOf('kept'), await tokenOf('revoked')]
  const backup = backupOf(db.urls.app)
  await backup.take()
  await tokenOf('lost')
  const account = decodeJwt(revoked)['account_id'] as string
  await vi.waitFor(async () => expect((await running.v1('POST', `/v1/accounts/${account}/revoke`, {})).status).toBe(200), 10_000)
  await vi.waitFor(async () => expect(await verdictOf(kept)).toBe('let in'), 10_000)
  await vi.waitFor(async () => expect(await verdictOf(revoked)).toBe('token_revoked'), 10_000)
  await worker.history.look()

  await backup.putBack()
  const seen = new Set<string>()
  await vi.waitFor(
    async () => {
      for (const token of [kept, revoked]) if ((await verdictOf(token)) === 'let in' && token === revoked) seen.add('revived')
      expect(await issue('after')).toMatchObject({ status: 503 })
      expect((await get('/readyz')).text).toContain('the log went backwards')
      expect(worker.history.faults()).not.toEqual([])
    },
    { timeout: 10_000, interval: 50 },
  )
  for (const lines of [running.logLines, workerLines]) {
    expect(lines.filter(line => line.includes('The log in the database went backwards'))).toHaveLength(1)
    expect(lines.join()).toContain('node deploy/restore.ts begin --again')
  }
  // What it vouches for, what it lets change, what it tells: nothing of it.
  const introspection = await https.send(`${running.issuer}/introspect`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${running.resourceSecrets.pop}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ token: revoked }).toString(),
  })
  expect(introspection.status).toBe(503)
  for (const path of ['/v1/agents', '/v1/feed/snapshot', '/jwks']) expect((await get(path)).status, path).toBe(503)
  expect((await get('/livez')).status).toBe(200)
  await vi.waitFor(
    async () => {
      if ((await verdictOf(revoked)) === 'let in') seen.add('revived')
      expect(await verdictOf(kept)).toBe('revocation_unknown')
    },
    { timeout: 10_000, interval: 50 },
  )
  expect([...seen]).toEqual([])
}, 90_000)
