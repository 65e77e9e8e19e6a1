// The plugin on a real TLS server with real client certificates.

import { Agent, request as httpsRequest } from 'node:https'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Authority, newAuthority, type Pem } from '../../test/tls.ts'
import { mayfly } from '../src/adapters/fastify.ts'
import { certificateThumbprint, createGuard, type Refused, refusalResponse, verifyRequest } from '../src/index.ts'
import { claimsWith, jwks, resource, signToken } from './issuer.ts'

const issuer = 'https://broker.example'
const seconds = Math.floor(Date.now() / 1000)
const payments = {
  content_digest: '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M',
  locations: [resource],
  methods: ['POST'],
  type: 'agent_http',
  uri_template: '/payments',
}
const search = { actions: ['search'], locations: [resource], type: 'agent_tool' }

let app: FastifyInstance
let authority: Authority
let agent: Pem
let thief: Pem
let strangers: Pem
const refusals: Refused[] = []

beforeAll(async () => {
  authority = await newAuthority()
  agent = await authority.issue('agent')
  thief = await authority.issue('thief')
  strangers = await (await newAuthority('CN=Other CA')).issue('stranger')
  const own = await authority.issue('localhost')
  app = Fastify({ https: { cert: own.cert, key: own.key, ca: authority.pem, requestCert: true, rejectUnauthorized: false } })
  await app.register(mayfly, {
    issuer,
    resource,
    jwks,
    revocation: { mode: 'none' },
    onRefused: refused => refusals.push(refused),
  })
  // A hook that sends late: a refused request must not reach the handler meanwhile.
  app.addHook('onSend', async () => {
    await new Promise(resolve => setImmediate(resolve))
  })
  app.get('/v1/flights/:id', request => ({ task: request.mayfly?.token.task_id, id: (request.params as { id: string }).id }))
  app.post('/v1/payments', request => request.body)
  app.post('/v1/mcp', {
    config: {
      mayfly: {
        operation: async (_, readBody) => ({ type: 'agent_tool', tool: JSON.parse((await readBody()).toString()).params.name }),
      },
    },
    handler: request => request.body,
  })
  app.get('/v1/open', { config: { mayfly: false } }, request => ({ open: request.mayfly }))
  app.get('/v1/scoped', { config: { mayfly: { scope: ['flights:list'] } } }, () => ({ ok: true }))
  await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => app.close())

const tokenFor = (holder: Pem, change: object = {}) =>
  signToken(claimsWith({ iat: seconds, exp: seconds + 300, cnf: { 'x5t#S256': certificateThumbprint(holder.der) }, ...change }))

interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: { [name: string]: unknown }
}

function call(
  path: string,
  options: { as?: Pem; token?: string; method?: string; body?: string; headers?: object } = {},
): Promise<Answer> {
  const { as, token, method = 'GET', body, headers } = options
  const port = (app.server.address() as { port: number }).port
  const tls = new Agent({ ca: authority.pem, ...(as ? { cert: as.cert, key: as.key } : {}) })
  const sent = {
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(body ? { 'content-type': 'application/json' } : {}),
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({ host: '127.0.0.1', port, path, method, headers: sent, agent: tls }, async response => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      tls.destroy()
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: JSON.parse(Buffer.concat(chunks).toString() || '{}'),
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

test('lets the holder in and decorates the request', async () => {
  const answer = await call('/v1/flights/42', { as: agent, token: tokenFor(agent) })
  expect(answer).toMatchObject({ status: 200, body: { task: 'tsk_1', id: '42' } })
})

test('refuses a stolen token over the thief’s own connection, and over none', async () => {
  const token = tokenFor(agent)
  const forged = { 'client-cert': `:${agent.der.toString('base64')}:`, 'x-forwarded-client-cert': agent.cert.replace(/\s/g, ' ') }
  for (const as of [thief, undefined]) {
    const answer = await call('/v1/flights/42', { ...(as ? { as } : {}), token, headers: forged })
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    expect(answer.body['task']).toBeUndefined()
  }
})

test('refuses a certificate that no authority of the server vouches for, even with a token bound to it', async () => {
  const answer = await call('/v1/flights/42', { as: strangers, token: tokenFor(strangers) })
  expect(answer.status).toBe(401)
  expect(refusals.at(-1)?.reason).toBe('certificate_missing')
})

test('answers 401 without an error where no credentials were sent, and says where the metadata is', async () => {
  const answer = await call('/v1/flights/42', { as: agent })
  const where = 'https://api.example/.well-known/oauth-protected-resource/v1'
  const challenge = `Bearer resource_metadata="${where}", DPoP algs="ES256 ES384 PS256 RS256 EdDSA Ed25519"`
  expect(answer).toMatchObject({ status: 401, body: {}, headers: { 'www-authenticate': challenge } })
  expect(answer.body['error']).toBeUndefined()
})

test('answers 403 insufficient_scope for what is not granted, and names the scopes that are needed', async () => {
  const row = await call('/v1/flights/42/seats', { as: agent, token: tokenFor(agent) })
  expect(row).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
  const scoped = await call('/v1/scoped', { as: agent, token: tokenFor(agent, { authorization_details: undefined, scope: 'x' }) })
  expect(scoped.headers['www-authenticate']).toContain('scope="flights:list", error="insufficient_scope"')
})

test('guards unknown routes too, and opens only what says so', async () => {
  expect((await call('/v1/nothing', { as: agent })).status).toBe(401)
  expect(await call('/v1/open')).toMatchObject({ status: 200, body: { open: null } })
})

test('serves the RFC 9728 document', async () => {
  expect(await call('/.well-known/oauth-protected-resource/v1')).toMatchObject({
    status: 200,
    body: {
      resource,
      authorization_servers: [issuer],
      authorization_details_types_supported: ['agent_http', 'agent_row', 'agent_tool'],
      dpop_bound_access_tokens_required: false,
      dpop_signing_alg_values_supported: expect.arrayContaining(['ES256', 'EdDSA']),
    },
  })
})

test('checks the digest of the raw body and still lets the route parse it', async () => {
  const token = tokenFor(agent, { authorization_details: [payments] })
  const paid = await call('/v1/payments', { as: agent, token, method: 'POST', body: '{"amount":"10.00"}' })
  expect(paid).toMatchObject({ status: 200, body: { amount: '10.00' } })
  const more = await call('/v1/payments', { as: agent, token, method: 'POST', body: '{"amount":"99.00"}' })
  expect(more).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
})

test('judges a tool call by the tool that the message names', async () => {
  const token = tokenFor(agent, { authorization_details: [search] })
  const message = (name: string) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })
  expect((await call('/v1/mcp', { as: agent, token, method: 'POST', body: message('search') })).status).toBe(200)
  expect((await call('/v1/mcp', { as: agent, token, method: 'POST', body: message('delete') })).status).toBe(403)
  expect((await call('/v1/mcp', { as: agent, token, method: 'POST', body: 'no json' })).status).toBe(403)
})

test('the plain function judges a Web Request and leaves its body readable', async () => {
  const guard = createGuard({ issuer, resource, jwks, revocation: { mode: 'none' } })
  const headers = { authorization: `Bearer ${tokenFor(agent, { authorization_details: [payments] })}` }
  const good = new Request(`${resource}/payments`, { method: 'POST', headers, body: '{"amount":"10.00"}' })
  expect(await verifyRequest(guard, good, { certificate: agent.der })).toMatchObject({ ok: true })
  expect(await good.text()).toBe('{"amount":"10.00"}')
  const refused = await verifyRequest(guard, new Request(`${resource}/payments`, { headers }), { certificate: thief.der })
  if (refused.ok) throw new Error('let in')
  const response = refusalResponse(refused)
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
  expect(await response.json()).toMatchObject({ error: 'invalid_token' })
})
