// packages/guard with real tokens, real client certificates, the broker's /consume and /v1/decisions.

import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type IssuedCertificate, issueClientCertificate, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { agentUri, onceResourceUri, resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { type GuardedRoute, mayfly } from '../../packages/guard/src/adapters/fastify.ts'
import { createGuard, type Guard } from '../../packages/guard/src/index.ts'

const broker = useBroker()

interface Api {
  readonly app: FastifyInstance
  readonly url: string
  readonly guard: Guard
  handled: number
}

async function startApi(resource: string, credential: string, replay: 'pop' | 'once', allowBearer = false): Promise<Api> {
  const { running } = broker
  const server = await issueServerCertificate(running.ca, { hosts: ['localhost'], now: new Date() })
  const ca = running.ca.certificatePem
  const guard = createGuard({
    issuer: running.issuer,
    resource,
    tls: { ca },
    credential,
    replay: [replay],
    allowBearer,
    report: { intervalMs: 60_000 },
    revocation: { mode: 'feed', name: allowBearer ? 'open' : replay },
  })
  const https = { cert: server.chainPem, key: server.keyPem, ca, requestCert: true, rejectUnauthorized: false }
  const app = Fastify({ https }) as unknown as FastifyInstance
  const api = { app, guard, url: '', handled: 0 }
  await app.register(mayfly, { guard })
  const handle = async () => ({ handled: ++api.handled })
  app.get('/api/orders/:id', handle)
  app.post('/api/payments', handle)
  app.get('/api/by-scope', { config: { mayfly: { scope: ['orders:read'] } satisfies GuardedRoute } }, handle)
  await app.listen({ host: '127.0.0.1', port: 0 })
  api.url = `https://localhost:${(app.server.address() as AddressInfo).port}`
  return api
}

let orders: Api
let payments: Api
beforeAll(async () => {
  const { pop, once } = broker.running.resourceSecrets
  orders = await startApi(resourceUri, pop, 'pop')
  payments = await startApi(onceResourceUri, once, 'once')
})
afterAll(async () => {
  for (const api of [orders, payments]) {
    await api?.guard.close()
    await api?.app.close()
  }
})

const detail = (resource: string, method: string, uri_template: string) =>
  JSON.stringify([{ type: 'agent_http', locations: [resource], methods: [method], uri_template }])

async function tokenFor(
  changes: Record<string, string | undefined> = {},
  certificate = broker.running.certificate,
): Promise<string> {
  const form = broker.running.form({ authorization_details: detail(resourceUri, 'GET', '/orders/42'), ...changes })
  const answer = await broker.running.token(form, certificate)
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body.access_token
}

const call = (api: Api, path: string, token: string | undefined, certificate?: IssuedCertificate, method = 'GET') =>
  broker.https.send(`${api.url}${path}`, {
    method,
    certificate,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })

describe('pop', () => {
  test('lets a token with its certificate do what it grants, again and again', async () => {
    const token = await tokenFor()
    for (let i = 0; i < 3; i++) expect((await call(orders, '/api/orders/42', token, broker.running.certificate)).status).toBe(200)
  })

  test.each([
    ['another row', '/api/orders/43', 'GET', 403],
    ['another method', '/api/orders/42', 'POST', 403],
    ['a query', '/api/orders/42?all=1', 'GET', 403],
    ['an encoded slash', '/api/orders/42%2f..', 'GET', 403],
  ])('refuses %s', async (_what, path, method, status) => {
    const before = orders.handled
    const answer = await call(orders, path, await tokenFor(), broker.running.certificate, method)
    // Where no route takes the request there is nothing to guard.
    expect([status, 404]).toContain(answer.status)
    expect(orders.handled).toBe(before)
  })

  test('refuses the token without its certificate, with another one of the same agent, and mutated', async () => {
    const token = await tokenFor()
    const other = await issueClientCertificate(broker.running.ca, { uris: [agentUri], now: new Date() })
    for (const certificate of [undefined, other]) {
      const answer = await call(orders, '/api/orders/42', token, certificate)
      expect(answer.status).toBe(401)
      expect(answer.headers['www-authenticate']).toContain('error="invalid_token"')
    }
    const mutated = `${token.slice(0, -4)}${token.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
    expect((await call(orders, '/api/orders/42', mutated, broker.running.certificate)).status).toBe(401)
  })

  test('refuses a token for another resource, and none at all without naming an error', async () => {
    const details = detail(onceResourceUri, 'POST', '/payments')
    const token = await tokenFor({ resource: onceResourceUri, authorization_details: details })
    expect((await call(orders, '/api/orders/42', token, broker.running.certificate)).status).toBe(401)
    const none = await call(orders, '/api/orders/42', undefined, broker.running.certificate)
    expect(none.status).toBe(401)
    expect(none.headers['www-authenticate']).not.toContain('error=')
  })

  test('refuses a bearer token unless it is told to take such', async () => {
    const form = broker.running.form({ subject_token: broker.running.mint({ sub: 'bearer-workload' }) })
    const { body } = await broker.running.token(form)
    expect((await call(orders, '/api/by-scope', body.access_token)).status).toBe(401)
    const open = await startApi(resourceUri, broker.running.resourceSecrets.pop, 'pop', true)
    expect((await call(open, '/api/by-scope', body.access_token)).status).toBe(200)
    await open.guard.close()
    await open.app.close()
  })
})

describe('once', () => {
  const payment = () =>
    tokenFor({ resource: onceResourceUri, authorization_details: detail(onceResourceUri, 'POST', '/payments'), scope: undefined })
  const pay = (token: string) => call(payments, '/api/payments', token, broker.running.certificate, 'POST')

  test('lets the token in once; the second use is refused before anything is done', async () => {
    const token = await payment()
    const before = payments.handled
    expect((await pay(token)).status).toBe(200)
    const second = await pay(token)
    expect([second.status, second.body.error]).toEqual([401, 'invalid_token'])
    expect(payments.handled).toBe(before + 1)
  })

  test('of a hundred at the same time exactly one gets in (F12)', async () => {
    const token = await payment()
    const before = payments.handled
    const answers = await Promise.all(Array.from({ length: 100 }, () => pay(token)))
    expect(answers.filter(answer => answer.status === 200)).toHaveLength(1)
    expect(answers.filter(answer => answer.status === 401)).toHaveLength(99)
    expect(payments.handled).toBe(before + 1)
  })

  test('a request that is refused anyway uses nothing up', async () => {
    const token = await payment()
    expect((await call(payments, '/api/payments', token, undefined, 'POST')).status).toBe(401)
    expect((await pay(token)).status).toBe(200)
  })

  test('the use stands in the log, and another resource’s credential cannot use a token up', async () => {
    const token = await payment()
    const { jti, nonce, exp } = decodeJwt(token) as { jti: string; nonce: string; exp: number }
    const consume = (secret: string) =>
      broker.https.send(`${broker.running.issuer}/consume`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ token_id: jti, nonce, exp }),
      })
    // It answers for its own audience only: what it consumes there takes nothing from the token's own resource.
    expect((await consume(broker.running.resourceSecrets.pop)).status).toBe(200)
    expect((await pay(token)).status).toBe(200)
    expect((await consume(broker.running.resourceSecrets.once)).status).toBe(409)
    const used = (await readLog(broker.database.admin)).filter(({ leaf }) => leaf.type === 'token.consumed' && leaf.token === jti)
    expect(used).toHaveLength(2)
  })
})

describe('revocation', () => {
  const read = (token: string) => call(orders, '/api/orders/42', token, broker.running.certificate)
  const revoke = async (body: object) => {
    const { status, body: made, text } = await broker.running.v1('POST', '/v1/revocations', body)
    if (status !== 201) throw new Error(text)
    await vi.waitFor(() => expect(orders.guard.stats().feed?.epoch).toBeGreaterThanOrEqual(made.to_epoch), { interval: 5 })
    return made
  }

  test('of a token reaches the guard that has it in its cache; another token of the account goes on', async () => {
    const [token, other] = [await tokenFor({ task_id: 'revoked' }), await tokenFor({ task_id: 'revoked' })]
    expect((await read(token)).status).toBe(200)
    await revoke({ token_id: (decodeJwt(token) as { jti: string }).jti })
    const refused = await read(token)
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_token'])
    expect((await read(other)).status).toBe(200)
    expect(orders.guard.stats().refused.token_revoked).toBe(1)
  })

  test('of an account reaches the guard, and the broker is told so', async () => {
    const token = await tokenFor({ task_id: 'ended' })
    expect((await read(token)).status).toBe(200)
    const { id } = await revoke({ account_id: (decodeJwt(token) as { account_id: string }).account_id })
    expect((await read(token)).status).toBe(401)
    const { receivers } = (await broker.running.v1('GET', `/v1/revocations/${id}?wait=1`)).body
    const names = receivers.acknowledged.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['pop', 'once']))
  })

  test('an ended account’s tokens are refused as revoked ones are', async () => {
    const token = await tokenFor({ task_id: 'completed' })
    const { account_id } = decodeJwt(token) as { account_id: string }
    expect((await broker.running.v1('POST', `/v1/accounts/${account_id}/revoke`)).status).toBe(200)
    await vi.waitFor(async () => expect((await read(token)).status).toBe(401), { interval: 5 })
  })
})

describe('decisions', () => {
  test('what was let in and what was refused stands in the log, by token and never as the token', async () => {
    const token = await tokenFor()
    await orders.guard.flush()
    const from = (await readLog(broker.database.admin)).length
    await call(orders, '/api/orders/42', token, broker.running.certificate)
    await call(orders, '/api/orders/43', token, broker.running.certificate)
    await call(orders, '/api/orders/42', token)
    await call(orders, '/api/orders/42', 'x.y.z')
    await orders.guard.flush()
    const reported = await vi.waitFor(async () => {
      const found = (await readLog(broker.database.admin, from)).filter(entry => entry.leaf.type === 'decisions.reported')
      expect(found).toHaveLength(1)
      return found[0]!
    })
    const { jti, account_id } = decodeJwt(token) as { jti: string; account_id: string }
    expect(reported.body).toMatchObject({ allowed: 1, denied: 3, resource: expect.any(String) })
    const path_hash = createHash('sha256').update('/api/orders/42').digest('base64url')
    expect(reported.body.decisions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ outcome: 'allow', reason: 'granted', jti, account_id, method: 'GET', path_hash }),
        expect.objectContaining({ outcome: 'deny', reason: 'operation_not_granted', jti }),
        expect.objectContaining({ outcome: 'deny', count: 1 }),
      ]),
    )
    expect(JSON.stringify(reported)).not.toContain(token.split('.')[2])
    expect(orders.guard.stats().decisions).toMatchObject({ dropped: 0, pending: 0 })
  })
})
