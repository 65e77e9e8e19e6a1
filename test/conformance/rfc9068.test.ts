// RFC 9068, JWT profile for access tokens; and the claims that task tokens add.

import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { readLog } from '#test/setup/log-reader.ts'
import { onceResourceUri, resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const details = [{ type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/42' }]
let token: string
let claims: JWTPayload
beforeAll(async () => {
  const { running } = broker
  const form = running.form({ task_id: 'task-9068', authorization_details: JSON.stringify(details) })
  token = (await running.token(form, running.certificate)).body.access_token
  claims = decodeJwt(token)
})

test('the header has typ at+jwt, an asymmetric alg and a published kid (§ 2.1)', async () => {
  const header = decodeProtectedHeader(token)
  expect(header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) })
  const { body } = await broker.https.send(`${broker.running.issuer}/jwks`)
  const verified = await jwtVerify(token, createLocalJWKSet(body), {
    issuer: broker.running.issuer,
    audience: resourceUri,
    typ: 'at+jwt',
    algorithms: ['ES256'],
    requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
  })
  expect(verified.payload).toEqual(claims)
})

test('the required claims are there, and name account and agent (§ 2.2)', () => {
  const { running } = broker
  expect(claims).toMatchObject({
    iss: running.issuer,
    aud: resourceUri,
    client_id: running.ids.agent,
    sub: expect.stringMatching(/^acct_[0-9a-f]{32}$/),
    jti: expect.stringMatching(/^at_[0-9a-f]{32}$/),
    scope: 'orders:read',
    authorization_details: details,
  })
  expect(claims.exp! - claims.iat!).toBeGreaterThan(0)
  expect(claims.exp! - claims.iat!).toBeLessThanOrEqual(300)
  expect(Math.abs(Date.now() / 1000 - claims.iat!)).toBeLessThan(10)
})

test('what a task token adds is there', () => {
  expect(claims).toMatchObject({
    account_id: claims.sub,
    task_id: 'task-9068',
    gen: 1,
    cfg: expect.any(Number),
    nonce: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
    replay: 'pop',
    resource_hash: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    evt: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    txn: expect.stringMatching(/^txn_/),
    delegation: { depth: 0, max_depth: 4 },
  })
})

test('resource_hash is that of the granted set, as anyone can compute it', () => {
  const value = { authorization_details: claims['authorization_details'], resource: [claims.aud], scope: [claims['scope']] }
  const text = canonicalize({ iss: claims.iss, typ: 'agent-resource-set', v: 1, value })!
  expect(createHash('sha256').update(text).digest('base64url')).toBe(claims['resource_hash'])
})

test('evt is the leaf hash of its issuance in the log, whose claims_hash is that of the other claims', async () => {
  const entries = await readLog(broker.database.admin)
  const leaf = entries.find(entry => entry.leaf.token === claims.jti)!
  const { evt, ...rest } = claims
  expect(createHash('sha256').update(`\0${leaf.leafText}`).digest('base64url')).toBe(evt)
  expect(createHash('sha256').update(canonicalize(rest)!).digest('base64url')).toBe(leaf.leaf.claims_hash)
})

describe('a token whose verifier must keep a nonce', () => {
  test('has a typ that stock RFC 9068 validators refuse', async () => {
    const { running } = broker
    const form = running.form({ task_id: 'once', resource: onceResourceUri })
    const { body } = await running.token(form, running.certificate)
    expect(decodeProtectedHeader(body.access_token).typ).toBe('agent-task+jwt')
    expect(decodeJwt(body.access_token)['replay']).toBe('once')
  })
})

test('no two tokens share jti, nonce or receipt', async () => {
  const { running } = broker
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => running.token(running.form({ task_id: 'many' }), running.certificate)),
  )
  const all = answers.map(answer => decodeJwt(answer.body.access_token))
  for (const name of ['jti', 'nonce', 'evt']) expect(new Set(all.map(one => one[name])).size).toBe(20)
  expect(new Set(all.map(one => one['account_id'])).size).toBe(1)
})

test('a nonce that the caller sends comes back in the token', async () => {
  const { running } = broker
  const { body } = await running.token(running.form({ task_id: 't', nonce: 'my-nonce.1' }), running.certificate)
  expect(decodeJwt(body.access_token)['nonce']).toBe('my-nonce.1')
})
