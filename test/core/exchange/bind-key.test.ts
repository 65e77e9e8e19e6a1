import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { createDevCa, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { bindKey } from '#core/exchange/bind-key.ts'
import { Pins } from '#core/exchange/pins.ts'
import type { PresentedKeys } from '#core/exchange/presented-keys.ts'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'
import { type PresentedCertificate, presentCertificate } from '#core/subject/certificate.ts'
import { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import { makeAgent, makeSnapshot, openIdSource, x509Source } from '../subject/snapshot.ts'

const nowMs = Date.parse('2026-11-22T12:00:00Z')
const own = 'spiffe://example.test/own'
const rules = [{ trust_source: 'ca', san_uri: own }]
const pop = makeAgent(rules)
const bearer = makeAgent(rules, {}, { binding: 'bearer' })
const other = makeAgent([{ trust_source: 'ca', san_uri: 'spiffe://example.test/other' }])

let certificates: Record<'own' | 'other' | 'stranger' | 'expired', PresentedCertificate>
let anchor: string
beforeAll(async () => {
  const now = new Date(nowMs)
  const ca = await createDevCa({ now })
  const strangersCa = await createDevCa({ now, commonName: 'The thief’s own' })
  anchor = ca.certificatePem
  const issue = async (uri: string, from = ca, notAfter?: Date) => {
    const { certificatePem } = await issueClientCertificate(from, { now, uris: [uri], ...(notAfter ? { notAfter } : {}) })
    return presentCertificate(new X509Certificate(certificatePem), () => [])
  }
  certificates = {
    own: await issue(own),
    other: await issue('spiffe://example.test/other'),
    stranger: await issue(own, strangersCa),
    expired: await issue(own, ca, new Date(nowMs - 1_000)),
  }
})

function bind(agent: typeof pop, certificate: PresentedCertificate | undefined, boundThumbprint?: string) {
  const boundKey = boundThumbprint === undefined ? undefined : { kind: 'x5t#S256', thumbprint: boundThumbprint }
  const presented = { certificate, dpop: undefined, clientKey: undefined }
  const snapshot = makeSnapshot({ sources: [openIdSource(), x509Source('ca', anchor)], agents: [agent, other] })
  const result = bindKey(snapshot, { agent, boundKey } as VerifiedSubject, presented, new CertificateSubjects(), nowMs)
  return result.ok ? result : { ...result, hint: undefined }
}

describe('a key is proof of possession only', () => {
  test('when the certificate by itself is the same agent’s', () => {
    expect(bind(pop, certificates.own)).toEqual({
      ok: true,
      binding: 'pop',
      key: { kind: 'x5t#S256', thumbprint: certificates.own.thumbprint },
      notAfterSeconds: certificates.own.notAfterSeconds,
    })
  })

  test('or when the token’s own cnf names it, whoever issued it', () => {
    expect(bind(pop, certificates.stranger, certificates.stranger.thumbprint)).toMatchObject({ ok: true, binding: 'pop' })
  })
})

describe('a stolen token (threats 35)', () => {
  test.each<[name: string, make: () => [PresentedCertificate | undefined, string?], reason: string]>([
    ['without any key', () => [undefined], 'no_key'],
    ['with the thief’s own certificate', () => [certificates.stranger], 'key_not_proven'],
    ['with another agent’s certificate', () => [certificates.other], 'other_agents_certificate'],
    ['with the agent’s certificate after its end', () => [certificates.expired], 'certificate_expired'],
    [
      'bound to a key, with another key of the same agent',
      () => [certificates.own, certificates.stranger.thumbprint],
      'other_key',
    ],
    ['bound to a key, without one', () => [undefined, certificates.own.thumbprint], 'other_key'],
  ])('%s gets nothing', (_, make, reason) => {
    expect(bind(pop, ...make())).toMatchObject({ ok: false, code: 'client_not_authenticated', reason })
  })

  test('of a bearer agent is still refused when it is bound to a key, or comes with another agent’s', () => {
    expect(bind(bearer, undefined, certificates.own.thumbprint)).toMatchObject({ ok: false, reason: 'other_key' })
    expect(bind(bearer, certificates.other)).toMatchObject({ ok: false, reason: 'other_agents_certificate' })
  })
})

describe('a token that is bound to a key', () => {
  const key = (thumbprintOf: string) => ({ kind: 'jkt', thumbprint: thumbprintOf }) as const
  const ownJwk = { kty: 'OKP', crv: 'Ed25519', x: 'own' }
  const otherJwk = { kty: 'OKP', crv: 'Ed25519', x: 'other' }
  const pinned = { kind: 'pinned', id: 'keys', name: 'keys' } as const
  const agent = makeAgent([...rules, { trust_source: 'keys', jwk: ownJwk }])
  const stranger = makeAgent([{ trust_source: 'keys', jwk: otherJwk }])

  const bindWith = (boundKey: BoundKey, presented: Partial<PresentedKeys>) => {
    const sources = [openIdSource(), x509Source('ca', anchor), pinned]
    const snapshot = makeSnapshot({ sources, agents: [agent, stranger, other] })
    const keys = { certificate: undefined, dpop: undefined, clientKey: undefined, ...presented }
    return bindKey(snapshot, { agent, boundKey } as VerifiedSubject, keys, new CertificateSubjects(), nowMs)
  }
  const boundTo = ({ thumbprint }: PresentedCertificate) => ({ kind: 'x5t#S256', thumbprint }) as const

  test('gets no token for another agent’s key that comes beside it (threats 35)', () => {
    const { own: certificate } = certificates
    const bound = boundTo(certificate)
    const reasonOf = (presented: Partial<PresentedKeys>, to: BoundKey = bound) => {
      const result = bindWith(to, presented)
      return result.ok ? result.key : result.reason
    }
    expect(reasonOf({ certificate, dpop: key(jwkThumbprint(otherJwk)) })).toBe('other_agents_dpop_key')
    expect(reasonOf({ certificate, clientKey: jwkThumbprint(otherJwk) })).toBe('other_agents_assertion')
    expect(reasonOf({ certificate: certificates.other, dpop: key('new') }, key('new'))).toBe('other_agents_certificate')
    expect(reasonOf({ certificate, dpop: key(jwkThumbprint(ownJwk)) })).toEqual(key(jwkThumbprint(ownJwk)))
    expect(reasonOf({ certificate, dpop: key('new') })).toEqual(key('new'))
  })

  test('is good with the key that it names, whosever that is', () => {
    expect(bindWith(boundTo(certificates.other), { certificate: certificates.other })).toMatchObject({ ok: true, binding: 'pop' })
    const dpop = key(jwkThumbprint(otherJwk))
    expect(bindWith(dpop, { dpop })).toMatchObject({ ok: true, binding: 'pop', key: dpop })
  })
})

describe('bearer', () => {
  test('is only what the registration allows, and names the key that came along for the pin', () => {
    expect(bind(bearer, undefined)).toMatchObject({
      ok: true,
      binding: 'bearer',
      key: undefined,
      notAfterSeconds: Number.POSITIVE_INFINITY,
    })
    expect(bind(bearer, certificates.stranger)).toMatchObject({
      ok: true,
      binding: 'bearer',
      key: { kind: 'x5t#S256', thumbprint: certificates.stranger.thumbprint },
    })
    expect(bind(bearer, certificates.own)).toMatchObject({ ok: true, binding: 'pop' })
  })
})

describe('a pin', () => {
  const own = { kind: 'x5t#S256', thumbprint: 'AQID' } as const
  const other = { kind: 'jkt', thumbprint: 'AQIE' } as const
  const pin = { token_hash: 'aa', key: Pins.keyName(own), until: 1 }

  test('confirms its own key and contradicts every other, no key included', () => {
    const pins = new Pins()
    expect([pins.confirms('aa', own), pins.contradicts('aa', own)]).toEqual([false, false])
    pins.remember(pin)
    expect([pins.confirms('aa', own), pins.contradicts('aa', own)]).toEqual([true, false])
    for (const key of [other, undefined]) expect([pins.confirms('aa', key), pins.contradicts('aa', key)]).toEqual([false, true])
    expect(pins.contradicts('bb', other)).toBe(false)
  })

  test('known to be another’s contradicts the key that was tried', () => {
    const pins = new Pins()
    pins.markForeign(pin)
    expect([pins.confirms('aa', own), pins.contradicts('aa', own)]).toEqual([false, true])
  })

  test('of a token that came without a key confirms only its coming without one', () => {
    const pins = new Pins()
    pins.remember({ ...pin, key: Pins.keyName(undefined) })
    expect([pins.confirms('aa', undefined), pins.contradicts('aa', own)]).toEqual([true, true])
  })
})
