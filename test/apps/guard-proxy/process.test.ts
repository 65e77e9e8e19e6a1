// The guard proxy as an operator runs it: a process told by its environment, before a real broker with its revocation feed.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { freePort } from '#test/setup/free-port.ts'
import { resourceUri, untilServed } from '#test/setup/registration.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { ask, nginxProxy } from './setup.ts'

const broker = useBroker()
const folder = mkdtempSync(join(tmpdir(), 'mayfly-guard-proxy-'))
const orders = { type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/42' }
let child: ChildProcess
let port: number
let metricsPort: number

beforeAll(async () => {
  const { issuer, ca, resourceSecrets } = broker.running
  writeFileSync(join(folder, 'ca.pem'), ca.certificatePem)
  writeFileSync(join(folder, 'secret'), resourceSecrets.pop, { mode: 0o600 })
  port = await freePort()
  metricsPort = await freePort()
  const env = {
    PATH: process.env['PATH'],
    MAYFLY_ISSUER: issuer,
    MAYFLY_RESOURCE: resourceUri,
    MAYFLY_CREDENTIAL_FILE: join(folder, 'secret'),
    MAYFLY_CA_FILE: join(folder, 'ca.pem'),
    MAYFLY_TRUSTED_PROXIES: JSON.stringify([nginxProxy]),
    MAYFLY_MAX_STALE_SECONDS: '2',
    MAYFLY_PORT: String(port),
    MAYFLY_METRICS_PORT: String(metricsPort),
  }
  child = spawn(process.execPath, ['apps/guard-proxy/main.ts'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout?.on('data', chunk => (logged += chunk))
  await vi.waitFor(async () => expect(await readiness()).toBe(200), { timeout: 20_000 })
})
afterAll(() => {
  child?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

let logged = ''
const readiness = (): Promise<number> =>
  ask(metricsPort, {}, { path: '/readyz' }).then(
    ({ status }) => status,
    () => 0,
  )

/** A token, and how nginx would ask with it. */
async function newToken(task: string) {
  const form = broker.running.form({ authorization_details: JSON.stringify([orders]), scope: undefined, task_id: task })
  const answer = await untilServed(() => broker.running.token(form, broker.running.certificate))
  expect(answer.status, answer.text).toBe(200)
  const { body } = answer
  const headers = {
    authorization: `Bearer ${body.access_token}`,
    'x-original-method': 'GET',
    'x-original-uri': '/api/orders/42',
    'ssl-client-verify': 'SUCCESS',
    'ssl-client-cert': encodeURIComponent(broker.running.certificate.certificatePem),
  }
  const question = () => ask(port, headers).then(({ status }) => status)
  return { account: body.account_id as string, token: body.access_token as string, question }
}

test('lets a token of the broker in until it is revoked, and writes no token to its log', async () => {
  const { account, token, question } = await newToken('invoice')
  expect(await question()).toBe(200)
  const revoked = await untilServed(() => broker.running.v1('POST', '/v1/revocations', { account_id: account, reason: 'a test' }))
  expect(revoked.status).toBe(201)
  await expect.poll(question, { interval: 20, timeout: 20_000 }).toBe(401)
  await expect.poll(() => logged, { timeout: 10_000 }).toContain('token_revoked')
  expect(logged).not.toContain(token.split('.')[1])
})

test('F10: cut off from the broker, it lets nobody in beyond its bound and says that it is not ready', async () => {
  const { question } = await newToken('partition')
  expect(await question()).toBe(200)
  await broker.running.close()
  await expect.poll(question, { timeout: 20_000, interval: 100 }).toBe(503)
  expect(await readiness()).toBe(503)
  await expect.poll(() => logged, { timeout: 10_000 }).toContain('feed_stale')
})

test('ends on SIGTERM', async () => {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
})
