// DPoP (RFC 9449) and private_key_jwt (RFC 7523): what the client sends, and what it makes of the answers.

import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Received } from '../../test/tls.ts'
import { createMayflyClient, type MayflyClientOptions } from '../src/index.ts'
import { failureOf, permissions, useWorld } from './world.ts'

const world = useWorld()
type Json = Record<string, unknown>
const part = (jws: string, at: number): Json => JSON.parse(Buffer.from(jws.split('.')[at] ?? '', 'base64url').toString())
const digests: Record<string, string | null> = { ES256: 'sha256', ES384: 'sha384', PS256: 'sha256', RS256: 'sha256', EdDSA: null }

/** Header and claims of a JWS whose signature holds. */
function open(jws: string, jwk?: object): { header: Json; claims: Json } {
  const header = part(jws, 0)
  const key = createPublicKey({ key: (jwk ?? header['jwk']) as never, format: 'jwk' })
  const at = jws.lastIndexOf('.')
  const pss = header['alg'] === 'PS256' ? { padding: 6, saltLength: 32 } : {}
  const holds = verify(
    digests[String(header['alg'])] ?? null,
    Buffer.from(jws.slice(0, at)),
    { key, dsaEncoding: 'ieee-p1363', ...pss },
    Buffer.from(jws.slice(at + 1), 'base64url'),
  )
  expect(holds).toBe(true)
  return { header, claims: part(jws, 1) }
}
const proofIn = ({ headers }: Received) => open(String(headers['dpop']))
const granted = (change: object = {}) => world.granted({ token_type: 'dpop', ...change })
const noCertificate = { certificate: undefined as never }
const client = (change: Partial<MayflyClientOptions> = {}) => world.client({ ...noCertificate, dpop: true, ...change })
const forApi = () => ({ ...permissions, resource: `${world.api.origin}/v1` })

describe('at the token endpoint', () => {
  test('sends a proof for it, of the same key each time and with another jti', async () => {
    world.answerToken = () => granted()
    const token = client().taskToken(permissions, { reuse: false })
    expect((await token.get()).tokenType).toBe('DPoP')
    await token.get()
    const [first, second] = world.exchanges().map(proofIn)
    expect(first?.header).toMatchObject({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty: 'EC', crv: 'P-256' } })
    expect(first?.header['jwk']).not.toHaveProperty('d')
    expect(first?.claims).toMatchObject({ htm: 'POST', htu: `${world.plain.origin}/token`, jti: expect.any(String) })
    expect(Math.abs(Date.now() / 1000 - Number(first?.claims['iat']))).toBeLessThan(5)
    expect(first?.claims).not.toHaveProperty('ath')
    expect(second?.header['jwk']).toEqual(first?.header['jwk'])
    expect(second?.claims['jti']).not.toBe(first?.claims['jti'])
  })
  test('answers the broker’s nonce once, keeps the newest, and counts no attempt', async () => {
    const nonces = ['n1', 'n2']
    world.answerToken = (_, received) => {
      const isRight = proofIn(received).claims['nonce'] === nonces[0]
      if (isRight) nonces.shift()
      const given = isRight ? granted() : { status: 400, body: { error: 'use_dpop_nonce' } }
      return { ...given, headers: { 'dpop-nonce': nonces[0] ?? 'n3' } }
    }
    const token = client({ retry: { attempts: 1 } }).taskToken(permissions, { reuse: false })
    await token.get()
    await token.get()
    expect(world.exchanges().map(one => proofIn(one).claims['nonce'])).toEqual([undefined, 'n1', 'n2'])
    const keys = world.exchanges().map(one => one.headers['idempotency-key'])
    expect(keys[1]).toBe(keys[0])
  })
  test('of many exchanges that are sent back for a nonce at the same time, each is repeated', async () => {
    world.answerToken = (_, received) =>
      proofIn(received).claims['nonce']
        ? granted()
        : { status: 400, body: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'n' } }
    const one = client({ retry: { attempts: 1 } })
    const tasks = Array.from({ length: 8 }, (_, i) => one.taskToken({ ...permissions, taskId: `t${i}` }).get())
    expect((await Promise.all(tasks)).every(value => value.tokenType === 'DPoP')).toBe(true)
  })
  test('gives up when the broker asks for a nonce again, and again', async () => {
    let asked = 0
    world.answerToken = () => ({ status: 400, body: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': `n${++asked}` } })
    expect((await failureOf(client().taskToken(permissions).get())).error).toBe('use_dpop_nonce')
    expect(asked).toBe(2)
  })
  test('refuses a token that is not bound to its key', async () => {
    world.answerToken = () => world.granted()
    expect((await failureOf(client().taskToken(permissions).get())).error).toBe('invalid_response')
  })
  test('with a certificate as well, proves its key for the endpoint of mutual TLS', async () => {
    world.answerToken = () => granted()
    await client({ certificate: world.certificate }).taskToken(permissions).get()
    expect(proofIn(world.mtls.received[0]!).claims['htu']).toBe(`${world.mtls.origin}/token`)
  })
})

describe('the key', () => {
  test.each([
    ['ES256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), {}],
    ['ES384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), {}],
    ['EdDSA', () => generateKeyPairSync('ed25519'), {}],
    ['PS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), {}],
    ['RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), { algorithm: 'RS256' }],
  ] as const)('of the caller signs with %s, as PEM too', async (alg, generate, change) => {
    world.answerToken = () => granted()
    const { privateKey } = generate()
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' })
    for (const one of [privateKey, pem])
      await client({ dpop: { privateKey: one, ...change } })
        .taskToken(permissions)
        .get()
    for (const one of world.exchanges()) {
      expect(proofIn(one).header['alg']).toBe(alg)
      expect(proofIn(one).header['jwk']).toEqual(createPublicKey(privateKey).export({ format: 'jwk' }))
    }
  })
  test('that does not fit is refused at once, and never quoted', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
    const refuse = (dpop: object) => {
      try {
        createMayflyClient({ issuer: 'https://broker.example', subjectToken: 'x', dpop: dpop as never })
      } catch (error) {
        return error instanceof TypeError ? error.message : undefined
      }
      return undefined
    }
    expect(refuse({ privateKey, algorithm: 'RS256' })).toContain('fit its algorithm')
    expect(refuse({ privateKey, algorithm: 'none' })).toContain('fit its algorithm')
    expect(refuse({ privateKey: weak })).toContain('2048 bits')
    expect(refuse({ privateKey: publicKey })).toContain('no private key')
    expect(refuse({ privateKey: 'secret' })).toBe('dpop: privateKey is no private key')
  })
})

describe('at a resource', () => {
  const ath = createHash('sha256').update('token-1').digest('base64url')

  test('sends the token as DPoP, with a proof for method, address without query, and token', async () => {
    world.answerToken = () => granted()
    const one = client({ certificate: world.certificate })
    await one.fetch(`${world.api.origin}/v1/orders/4%322?x=1#y`, { method: 'post', body: '{}', headers: { dpop: 'x' } }, forApi())
    await one.fetch(`${world.api.origin}/v1/orders`, undefined, forApi())
    const [first, second] = world.api.received
    expect(first?.headers.authorization).toBe('DPoP token-1')
    expect(proofIn(first!).claims).toMatchObject({ htm: 'POST', htu: `${world.api.origin}/v1/orders/4%322`, ath })
    expect(proofIn(second!).claims).toMatchObject({ htm: 'GET', ath })
    expect(proofIn(second!).claims['jti']).not.toBe(proofIn(first!).claims['jti'])
    expect(proofIn(second!).header['jwk']).toEqual(proofIn(world.exchanges()[0]!).header['jwk'])
  })
  test('answers the resource’s nonce once with the same token, and keeps it apart from the broker’s', async () => {
    world.answerToken = () => ({ ...granted(), headers: { 'dpop-nonce': 'of-the-broker' } })
    world.answerApi = received =>
      proofIn(received).claims['nonce']
        ? { status: 200 }
        : {
            status: 401,
            headers: { 'dpop-nonce': 'of-the-resource', 'www-authenticate': 'DPoP algs="ES256", error="use_dpop_nonce"' },
          }
    const one = client({ certificate: world.certificate })
    for (const body of ['a', 'b'])
      expect((await one.fetch(`${world.api.origin}/v1/x`, { method: 'POST', body }, forApi())).status).toBe(200)
    expect(world.api.received.map(({ body }) => body)).toEqual(['a', 'a', 'b'])
    expect(world.api.received.map(received => proofIn(received).claims['nonce'])).toEqual([
      undefined,
      'of-the-resource',
      'of-the-resource',
    ])
    expect(world.exchanges()).toHaveLength(1)
  })
  test('a refusal for another reason is not repeated, and drops the token', async () => {
    world.answerToken = () => granted()
    world.answerApi = () => ({
      status: 401,
      headers: { 'dpop-nonce': 'n', 'www-authenticate': 'DPoP error="invalid_dpop_proof"' },
    })
    const one = client({ certificate: world.certificate })
    expect((await one.fetch(`${world.api.origin}/v1/x`, undefined, forApi())).status).toBe(401)
    expect(world.api.received).toHaveLength(1)
    await one.fetch(`${world.api.origin}/v1/x`, undefined, forApi())
    expect(world.exchanges()).toHaveLength(2)
  })
  test('a client without DPoP sends no token of that type', async () => {
    world.answerToken = () => granted()
    const one = world.client()
    expect((await failureOf(one.fetch(`${world.api.origin}/v1/x`, undefined, forApi()))).error).toBe('invalid_use')
    expect(world.api.received).toHaveLength(0)
  })
})

describe('private_key_jwt', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' })
  const clientAssertion = { privateKey, kid: 'k1', clientId: 'agt_1' }
  const assertionIn = ({ body }: Received) => open(new URLSearchParams(body).get('client_assertion') ?? '', jwk)

  test('sends an assertion for the issuer alone, short-lived, with another jti each time', async () => {
    const token = world.client({ ...noCertificate, clientAssertion }).taskToken(permissions, { reuse: false })
    await token.get()
    await token.get()
    const [first, second] = world.exchanges().map(assertionIn)
    expect(first?.header).toEqual({ typ: 'client-authentication+jwt', kid: 'k1', alg: 'ES256' })
    expect(first?.claims).toMatchObject({ iss: 'agt_1', sub: 'agt_1', aud: world.plain.origin })
    expect(Number(first?.claims['exp']) - Number(first?.claims['iat'])).toBe(60)
    expect(second?.claims['jti']).not.toBe(first?.claims['jti'])
    const form = new URLSearchParams(world.exchanges()[0]?.body)
    expect(form.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    expect([form.get('client_id'), form.get('subject_token')]).toEqual(['agt_1', 'workload-token'])
  })
  test('each repetition has an assertion and a proof of its own', async () => {
    const answers = [{ status: 503 }, { status: 400, body: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'n' } }]
    world.answerToken = () => answers.shift() ?? granted()
    await client({ clientAssertion }).taskToken(permissions).get()
    expect(new Set(world.exchanges().map(one => assertionIn(one).claims['jti'])).size).toBe(3)
    expect(new Set(world.exchanges().map(one => proofIn(one).claims['jti'])).size).toBe(3)
  })
  test('without a subject token the client itself is the subject', async () => {
    await world
      .client({ ...noCertificate, subjectToken: undefined as never, clientAssertion })
      .taskToken(permissions)
      .get()
    const form = new URLSearchParams(world.exchanges()[0]?.body)
    expect([form.get('grant_type'), form.has('subject_token'), form.get('task_id')]).toEqual([
      'client_credentials',
      false,
      'task-1',
    ])
  })
  test('needs an issuer, and a client without any credential is refused', () => {
    const tokenEndpoint = 'https://broker.example/token'
    expect(() => createMayflyClient({ tokenEndpoint, subjectToken: 'x', clientAssertion })).toThrow('needs issuer')
    expect(() => createMayflyClient({ tokenEndpoint })).toThrow('give subjectToken')
  })
})
