// One table of attacks against every adapter, over real TLS with real client certificates.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flights, issuer, resource } from '../issuer.ts'
import { makeProof, newProofSigner, proofClaims } from '../proof-maker.ts'
import { type Running, servers } from './servers.ts'
import { type Answer, type Call, call, newWorld, revokedId, tokenFor, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await newWorld()
})

const payments = {
  content_digest: '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M',
  locations: [resource],
  methods: ['POST'],
  type: 'agent_http',
  uri_template: '/payments',
}
const order42 = { type: 'agent_row', locations: [resource], actions: ['read'], identifier: 'orders/42' }
const signer = newProofSigner()
const granted = (...details: object[]) => ({ authorization_details: details })
const paid = '{"amount":"10.00"}'

describe.each(servers)('%s', (_, start) => {
  let server: Running
  beforeAll(async () => {
    server = await start(world)
  })
  afterAll(() => server.close())

  const send = (what: Call): Promise<Answer> => call(server.port, world, what)
  /** As the agent, with a token of its own. */
  const asAgent = (path: string, more: Partial<Call> = {}, change: object = {}): Promise<Answer> =>
    send({ path, as: world.agent, token: tokenFor(world.agent, change), ...more })

  test('lets the holder in and hands the verdict on', async () => {
    expect(await asAgent('/v1/flights/42')).toMatchObject({ status: 200, body: { id: '42', task: 'tsk_1' } })
  })

  test('answers who sends no token with 401, where the metadata is, and no error', async () => {
    const answer = await send({ path: '/v1/flights/42', as: world.agent })
    expect(answer.status).toBe(401)
    const where = 'https://api.example/.well-known/oauth-protected-resource/v1'
    expect(answer.headers['www-authenticate']).toContain(`resource_metadata="${where}"`)
    expect(answer.body['error']).toBeUndefined()
  })

  test('serves that metadata to everybody', async () => {
    const answer = await send({ path: '/.well-known/oauth-protected-resource/v1' })
    expect(answer).toMatchObject({ status: 200, body: { resource, authorization_servers: [issuer] } })
  })

  test('14, 15: refuses a stolen token: with the thief’s key, with none, with headers that claim the agent’s', async () => {
    const token = tokenFor(world.agent)
    const pem = encodeURIComponent(world.agent.cert)
    const headers = {
      'client-cert': `:${world.agent.der.toString('base64')}:`,
      'ssl-client-cert': pem,
      'x-forwarded-client-cert': `Cert="${pem}"`,
    }
    for (const as of [world.thief, undefined]) {
      const answer = await send({ path: '/v1/flights/42', as, token, headers })
      expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
      expect(answer.text).not.toContain('tsk_1')
    }
  })

  test('refuses a certificate of an unknown authority, even with a token bound to it', async () => {
    const answer = await send({ path: '/v1/flights/42', as: world.stranger, token: tokenFor(world.stranger) })
    expect([answer.status, server.reasons.at(-1)]).toEqual([401, 'certificate_missing'])
  })

  test('refuses what was revoked', async () => {
    const answer = await asAgent('/v1/flights/42', {}, { jti: revokedId })
    expect([answer.status, server.reasons.at(-1)]).toEqual([401, 'token_revoked'])
  })

  test.each([
    ['another method', '/v1/flights/42', { method: 'DELETE' }],
    ['HEAD in place of GET', '/v1/flights/42', { method: 'HEAD' }],
    ['OPTIONS', '/v1/flights/42', { method: 'OPTIONS' }],
    ['a trailing slash', '/v1/flights/42/', {}],
    ['other letters in the path', '/v1/Flights/42', {}],
    ['what lies below', '/v1/flights/42/seats', {}],
    ['a query', '/v1/flights/42?all=1', {}],
    ['the path without its mount', '/flights/42', {}],
    ['dot segments', '/v1/flights/../admin', {}],
    ['encoded dot segments', '/v1/flights/%2e%2e/admin', {}],
    ['an encoded slash', '/v1/flights/..%2fadmin', {}],
    ['an empty segment', '/v1//flights/42', {}],
    ['a method in a header', '/v1/flights/42', { headers: { 'x-http-method-override': 'DELETE' } }],
    ['a path in a header', '/v1/flights/42', { headers: { 'x-original-url': '/v1/admin' } }],
  ])('refuses %s', async (_, path, more) => {
    const answer = await asAgent(path, more)
    // A path outside of where the guard is mounted is nobody's.
    const outside = path === '/flights/42' && answer.status === 404
    expect(outside ? 403 : answer.status).toBe(403)
    expect(answer.text).not.toContain('tsk_1')
  })

  test('refuses another row than the granted one, and a path where a row is meant', async () => {
    expect((await asAgent('/v1/orders/42', {}, granted(order42))).status).toBe(200)
    expect((await asAgent('/v1/orders/43', {}, granted(order42))).status).toBe(403)
    const byPath = { ...flights, uri_template: '/orders/{id}' }
    expect((await asAgent('/v1/orders/42', {}, granted(byPath))).status).toBe(403)
  })

  test('holds the raw body against its digest, and the route can still read it', async () => {
    const pay = (body: string) => asAgent('/v1/payments', { method: 'POST', body }, granted(payments))
    expect(await pay(paid)).toMatchObject({ status: 200, body: { amount: '10.00' } })
    expect((await pay('{"amount":"99.00"}')).status).toBe(403)
    expect((await pay(`${paid} `)).status).toBe(403)
    expect((await pay('')).status).toBe(403)
  })

  test('does not read a body that is larger than allowed into memory', async () => {
    const answer = await asAgent('/v1/payments', { method: 'POST', body: 'x'.repeat(1_100_000) }, granted(payments))
    expect([answer.status, server.reasons.at(-1)]).toEqual([403, 'body_digest_mismatch'])
  })

  test('takes a DPoP proof in place of a certificate, once, and tells of the nonce that it must carry', async () => {
    const token = tokenFor(world.agent, { cnf: { jkt: signer.jkt } })
    const iat = Math.floor(Date.now() / 1000)
    const proof = (change: object = {}) => makeProof(signer, proofClaims(token, { iat, ...change }))
    const show = (dpop: string | string[], path = '/v1/flights/42') =>
      send({ path, headers: { authorization: `DPoP ${token}`, dpop } })
    const first = await show(proof())
    expect(first.headers['www-authenticate']).toContain('error="use_dpop_nonce"')
    const nonce = first.headers['dpop-nonce']
    const good = proof({ nonce })
    expect((await show([good, proof({ nonce })])).status).toBe(401)
    expect((await show(proof({ nonce, htu: `${resource}/flights/43` }))).status).toBe(401)
    const answer = await show(good)
    expect(answer).toMatchObject({ status: 200, body: { id: '42' }, headers: { 'dpop-nonce': expect.any(String) } })
    expect((await show(good)).status).toBe(401)
    // Nor does it count as a bearer token for whoever has seen it.
    expect((await send({ path: '/v1/flights/42', as: world.agent, token })).status).toBe(401)
  })

  test('takes one Authorization header, and no token from anywhere else', async () => {
    const token = tokenFor(world.agent)
    expect((await send({ path: `/v1/flights/42?access_token=${token}`, as: world.agent })).status).toBe(401)
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = `access_token=${token}`
    expect((await send({ path: '/v1/payments', method: 'POST', as: world.agent, body, headers: form })).status).toBe(401)
  })
})
