import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import type { SpiffeTrustSource } from '#core/registry/trust-source.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { verifyJwtSubject } from '#core/subject/verify-jwt-subject.ts'
import { TrustMaterial } from '#core/trust-material/trust-material.ts'
import { makeBundle } from '#test/core/trust-material/bundles.ts'
import { proofsBy } from './proofs-by.ts'
import { audience, issuer, makeAgent, makeSnapshot, openIdSource } from './snapshot.ts'

const nowMs = 1_795_305_600_000
const now = nowMs / 1000
const sub = 'spiffe://example.org/agents/reporter'
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ed = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = async (key: KeyObject, kid: string) => ({ ...(await exportJWK(key)), kid })
const jwtKeys = [await jwk(ec.publicKey, 'ec'), await jwk(rsa.publicKey, 'rsa'), await jwk(ed.publicKey, 'ed')]
const bundle = makeBundle([], { jwtKeys })

const spiffeSource = (change: Partial<SpiffeTrustSource> = {}): SpiffeTrustSource => ({
  kind: 'spiffe',
  id: 'source-spiffe',
  name: 'mesh',
  trustDomain: 'example.org',
  bundle,
  bundleUrl: undefined,
  caPem: undefined,
  ...change,
})
const agent = makeAgent([{ trust_source: 'source-spiffe', spiffe_id: 'spiffe://example.org/agents/*' }])
const snapshotOf = (...sources: SpiffeTrustSource[]) =>
  makeSnapshot({ sources: [openIdSource(), ...(sources.length > 0 ? sources : [spiffeSource()])], agents: [agent] })

const sign = (change: Record<string, unknown> = {}, header: Record<string, unknown> = {}, key: KeyObject = ec.privateKey) => {
  const claims = Object.entries({ sub, aud: audience, exp: now + 300, ...change }).filter(([, value]) => value !== undefined)
  const head = Object.entries({ alg: 'ES256', kid: 'ec', ...header }).filter(([, value]) => value !== undefined)
  return new SignJWT(Object.fromEntries(claims)).setProtectedHeader(Object.fromEntries(head) as { alg: string }).sign(key)
}

const material = new TrustMaterial(async () => {
  throw new Error('down')
})
const jwks = new JwksStore(async () => ({ keys: [] }))
const verify = async (token: string, snapshot = snapshotOf()) => {
  const proofs = proofsBy(jwks, { findJwtSvidKey: material.findJwtSvidKey })
  return (await verifyJwtSubject(snapshot, proofs, { token, request: {} }, nowMs)).result
}
const reasonOf = async (token: string, snapshot?: ReturnType<typeof snapshotOf>) => {
  const result = await verify(token, snapshot)
  return result.ok ? undefined : result.reason
}

describe('a JWT-SVID', () => {
  test('is recognised by its trust domain and ID, without iss, iat or jti, and as often as it comes', async () => {
    const token = await sign()
    for (let n = 0; n < 2; n++)
      expect(await verify(token)).toMatchObject({
        ok: true,
        subject: {
          agent,
          trustSourceId: 'source-spiffe',
          foreign: { issuer: 'spiffe://example.org', subject: sub },
          untilSeconds: now + 300,
          boundKey: undefined,
        },
      })
  })

  test.each<[name: string, token: () => Promise<string>]>([
    ['typ JWT', () => sign({}, { typ: 'JWT' })],
    ['typ JOSE', () => sign({}, { typ: 'JOSE' })],
    ['an RSA key', () => sign({}, { alg: 'RS256', kid: 'rsa' }, rsa.privateKey)],
    ['an RSA key and PSS', () => sign({}, { alg: 'PS384', kid: 'rsa' }, rsa.privateKey)],
    ['the audience in a list of one', () => sign({ aud: [audience] })],
    ['an iss that is nobody’s', () => sign({ iss: 'https://spire.example' })],
    ['a binding to a certificate', () => sign({ cnf: { 'x5t#S256': 'x' } })],
  ])('with %s is accepted', async (_, token) => {
    expect(await reasonOf(await token())).toBeUndefined()
  })

  test.each<[name: string, token: () => Promise<string>, reason: string]>([
    ['another audience', () => sign({ aud: 'https://other.example' }), 'wrong_audience'],
    ['our audience among others', () => sign({ aud: [audience, 'https://other.example'] }), 'wrong_audience'],
    ['the audience of another trust source', () => sign({ aud: 'mayfly-ci' }), 'wrong_audience'],
    ['no audience', () => sign({ aud: undefined }), 'wrong_audience'],
    ['another trust domain (threats 31)', () => sign({ sub: 'spiffe://evil.example/agents/reporter' }), 'unknown_issuer'],
    ['an ID that is none', () => sign({ sub: 'spiffe://example.org/agents/../admin' }), 'malformed_spiffe_id'],
    ['an ID that no agent has', () => sign({ sub: 'spiffe://example.org/others/reporter' }), 'unknown_agent'],
    ['no exp', () => sign({ exp: undefined }), 'missing_claim'],
    ['an exp that has come', () => sign({ exp: now }), 'expired'],
    ['an exp beyond a day', () => sign({ exp: now + 86_401 }), 'lives_too_long'],
    ['an iat ahead', () => sign({ iat: now + 11 }), 'issued_in_future'],
    ['an iat as text', () => sign({ iat: 'now' }), 'missing_claim'],
    [
      'an Ed25519 key, which SPIFFE does not know',
      () => sign({}, { alg: 'EdDSA', kid: 'ed' }, ed.privateKey),
      'algorithm_refused',
    ],
    ['a key that the bundle has not', () => sign({}, { kid: 'other' }), 'unknown_key'],
    ['no kid', () => sign({}, { kid: undefined }), 'unknown_key'],
    ['another’s signature', () => sign({}, {}, stranger.privateKey), 'bad_signature'],
    ['another typ', () => sign({}, { typ: 'at+jwt' }), 'wrong_typ'],
    ['events', () => sign({ events: {} }), 'wrong_typ'],
    ['a binding that nobody can prove', () => sign({ cnf: { jwk: {} } }), 'unsupported_binding'],
  ])('with %s is refused', async (_, token, reason) => {
    expect(await reasonOf(await token())).toBe(reason)
  })

  test('is not verified with keys that are there for X.509-SVIDs', async () => {
    const keys = jwtKeys.map(key => ({ ...key, use: 'x509-svid' }))
    expect(await reasonOf(await sign(), snapshotOf(spiffeSource({ bundle: { keys } })))).toBe('unknown_key')
  })

  test('is not refused for good while its bundle cannot be had', async () => {
    const snapshot = snapshotOf(spiffeSource({ bundle: undefined, bundleUrl: 'https://spire.example/bundle' }))
    await expect(reasonOf(await sign(), snapshot)).rejects.toMatchObject({ code: 'trust_source_unavailable' })
  })

  test('is an OpenID token where an OpenID issuer signs it, whatever its sub looks like', async () => {
    expect(await reasonOf(await sign({ iss: issuer, iat: now }, { kid: 'ec' }))).toBe('unknown_key')
  })
})
