import { X509Certificate } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDevCa, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { SubjectAuthenticator } from '#core/subject/authenticate-subject.ts'
import { type PresentedCertificate, presentCertificate } from '#core/subject/certificate.ts'
import { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { proofsBy } from './proofs-by.ts'
import { audience, issuer, makeAgent, makeSnapshot, openIdSource, x509Source } from './snapshot.ts'

const nowMs = Date.parse('2026-11-22T12:00:00Z')
const now = nowMs / 1000
const agent = makeAgent([
  { trust_source: 'source-ci', claims: { sub: 'workload' } },
  { trust_source: 'ca', san_uri: 'spiffe://example.test/w' },
])

let sign: (change?: Record<string, unknown>) => Promise<string>
let jwk: Record<string, unknown>
let certificate: PresentedCertificate
let otherCertificate: PresentedCertificate
let anchor: string
beforeAll(async () => {
  const keys = await generateKeyPair('ES256', { extractable: true })
  jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k' }
  sign = (change = {}) =>
    new SignJWT({ iss: issuer, aud: audience, sub: 'workload', iat: now, exp: now + 300, ...change })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .sign(keys.privateKey)
  const ca = await createDevCa({ now: new Date(nowMs) })
  anchor = ca.certificatePem
  const issue = async () => {
    const issued = await issueClientCertificate(ca, { now: new Date(nowMs), uris: ['spiffe://example.test/w'] })
    return presentCertificate(new X509Certificate(issued.certificatePem), () => [])
  }
  certificate = await issue()
  otherCertificate = await issue()
})

let subjects: SubjectAuthenticator
let generation = 0
beforeEach(() => {
  const proofs = proofsBy(new JwksStore(async () => ({ keys: [jwk] })))
  subjects = new SubjectAuthenticator(proofs, new CertificateSubjects(), () => generation)
})
const snapshotOf = () => makeSnapshot({ agents: [agent], sources: [openIdSource(), x509Source('ca', anchor)] })
const verify = async (snapshot: ReturnType<typeof snapshotOf>, token: string, atMs = nowMs) =>
  subjects.verifyJwt(snapshot, { token, tokenHash: SubjectAuthenticator.hashToken(token) }, atMs)

describe('a verified token', () => {
  test('is looked at again when its trust source publishes other keys', async () => {
    const snapshot = snapshotOf()
    const token = await sign()
    const hash = SubjectAuthenticator.hashToken(token)
    await verify(snapshot, token)
    expect(subjects.recall(snapshot, hash, nowMs)).toBeDefined()
    generation++
    expect(subjects.recall(snapshot, hash, nowMs)).toBeUndefined()
    expect(subjects.wasVerified(hash, nowMs)).toBe(true)
  })

  test('is remembered by the hash of the whole of it, and until its end only', async () => {
    const snapshot = snapshotOf()
    const token = await sign()
    const hash = SubjectAuthenticator.hashToken(token)
    expect(subjects.recall(snapshot, hash, nowMs)).toBeUndefined()
    expect(await verify(snapshot, token)).toMatchObject({ ok: true })
    expect(subjects.recall(snapshot, hash, nowMs + 299_999)?.agent).toBe(agent)
    expect(subjects.recall(snapshot, hash, nowMs + 300_000)).toBeUndefined()
    expect(await verify(snapshot, token, nowMs + 300_000)).toMatchObject({ ok: false, reason: 'expired' })
  })

  test('helps no other token, be it the same up to its signature (threats 8)', async () => {
    const snapshot = snapshotOf()
    const token = await sign()
    await verify(snapshot, token)
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(86)}`
    expect(await verify(snapshot, forged)).toMatchObject({ ok: false, reason: 'bad_signature' })
  })

  test('counts anew under each configuration', async () => {
    const token = await sign()
    const hash = SubjectAuthenticator.hashToken(token)
    await verify(snapshotOf(), token)
    const without = makeSnapshot({ agents: [] })
    expect(subjects.recall(without, hash, nowMs)).toBeUndefined()
    expect(subjects.wasVerified(hash, nowMs), 'no junk: it is looked at again, however many failures its address has').toBe(true)
    expect(subjects.wasVerified(hash, nowMs + 300_000)).toBe(false)
    expect(await verify(without, token)).toMatchObject({ ok: false, reason: 'unknown_agent' })
    expect(subjects.wasVerified(hash, nowMs), 'refused: from now on it is junk').toBe(false)
  })

  test('that was refused is not remembered', async () => {
    const snapshot = snapshotOf()
    const token = await sign({ aud: 'https://other.example' })
    await verify(snapshot, token)
    expect(subjects.recall(snapshot, SubjectAuthenticator.hashToken(token), nowMs)).toBeUndefined()
  })
})

describe('a certificate as subject token', () => {
  const encode = (presented: PresentedCertificate, encoding: 'base64' | 'base64url') => presented.leaf.raw.toString(encoding)

  test.each(['base64', 'base64url'] as const)('is the very one of the connection, in %s', encoding => {
    const result = subjects.verifyCertificate(snapshotOf(), encode(certificate, encoding), certificate, nowMs)
    expect(result).toMatchObject({ ok: true, subject: { agent, byCertificate: true } })
  })

  test.each<[string, () => string, () => PresentedCertificate | undefined, string]>([
    ['another certificate of the same agent', () => encode(otherCertificate, 'base64'), () => certificate, 'other_key'],
    ['no certificate in the handshake', () => encode(certificate, 'base64'), () => undefined, 'no_key'],
    ['text', () => 'hello', () => certificate, 'other_key'],
    ['nothing', () => '', () => certificate, 'other_key'],
    [
      'a certificate with a byte more',
      () => Buffer.concat([certificate.leaf.raw, Buffer.from([0])]).toString('base64'),
      () => certificate,
      'other_key',
    ],
  ])('is refused for %s', (_, token, presented, reason) => {
    expect(subjects.verifyCertificate(snapshotOf(), token(), presented(), nowMs)).toMatchObject({ ok: false, reason })
  })
})
