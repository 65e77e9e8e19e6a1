// Rows 15 and 31 of threats.md as far as they end at the certificate: whose word is it, and whose name.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { type webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type CertificateAuthority,
  caExtensions,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
} from '#apps/standalone/dev-ca.ts'
import type { AgentRule } from '#core/registry/agent.ts'
import { type PresentedCertificate, presentCertificate } from '#core/subject/certificate.ts'
import { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import { type BadCertificate, type CertificateSet, issueIntermediateCa, makeCertificates } from '#test/setup/certificates.ts'
import { asLeaf, issueBelow, nowMs, oddLeaf, permitOnly } from './odd-certificates.ts'
import { makeAgent, makeSnapshot, x509Source } from './snapshot.ts'

const now = new Date(nowMs)
const uri = 'spiffe://example.test/agent/reporter'
const rule: AgentRule = { trust_source: 'ca', san_uri: uri }
const agent = makeAgent([rule])

let set: CertificateSet
let deep: CertificateAuthority
let subjects: CertificateSubjects
beforeAll(async () => {
  set = await makeCertificates(now, uri)
  deep = await createDevCa({ now, commonName: 'Deep CA', pathLength: 2 })
})
beforeEach(() => {
  subjects = new CertificateSubjects()
})

/** As the TLS layer would hand it over: the leaf, then what the peer sent beside it. */
function present(certificate: IssuedCertificate, more: readonly CertificateAuthority[] = []): PresentedCertificate {
  const [leaf, ...chain] = certificate.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/).map(pem => new X509Certificate(pem))
  const intermediates = [...chain, ...more.map(ca => new X509Certificate(ca.certificatePem))]
  return presentCertificate(leaf!, () => intermediates)
}

const snapshotOf = (anchor: CertificateAuthority = set.ca, rules: readonly AgentRule[] = [rule]) =>
  makeSnapshot({
    sources: [x509Source('ca', anchor.certificatePem)],
    agents: [rules.length === 1 && rules[0] === rule ? agent : makeAgent(rules)],
  })
const reasonOf = (presented: PresentedCertificate, snapshot = snapshotOf(), atMs = nowMs): string | undefined => {
  const result = subjects.verify(snapshot, presented, atMs)
  return result.ok ? undefined : result.reason
}

test('a good certificate is recognised as its agent, bound to itself, until its end', () => {
  const presented = present(set.good)
  const notAfter = Math.floor(Date.parse(presented.leaf.validTo) / 1000)
  expect(subjects.verify(snapshotOf(), presented, nowMs)).toMatchObject({
    ok: true,
    subject: {
      agent,
      trustSourceId: 'ca',
      foreign: { issuer: 'x509:ca', subject: uri },
      byCertificate: true,
      boundKey: { kind: 'x5t#S256', thumbprint: presented.thumbprint },
      untilSeconds: notAfter,
    },
  })
})

describe('a certificate that is wrong in one way', () => {
  const reasons: Record<BadCertificate, string> = {
    expired: 'certificate_expired',
    notYetValid: 'untrusted_certificate',
    otherCa: 'untrusted_certificate',
    sameNameOtherKey: 'untrusted_certificate',
    noClientAuth: 'untrusted_certificate',
    noUsage: 'untrusted_certificate',
    belowPathLength: 'untrusted_certificate',
    issuedByLeaf: 'untrusted_certificate',
    twoUris: 'unknown_agent',
    otherUri: 'unknown_agent',
  }
  test.each(Object.entries(reasons) as [BadCertificate, string][])('%s: %s', (name, reason) => {
    expect(reasonOf(present(set.bad[name]))).toBe(reason)
  })

  test('may not sign, has a critical extension that nobody here evaluates, or a weak hash or key', async () => {
    const leaf = (extensions: x509.Extension[], signing: object = {}, keys?: webcrypto.CryptoKeyPair) =>
      oddLeaf(set.ca, uri, extensions, signing, keys)
    const client = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])
    expect(reasonOf(present(await leaf([client])))).toBeUndefined()
    const agreement = new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyAgreement, true)
    expect(reasonOf(present(await leaf([client, agreement])))).toBe('untrusted_certificate')
    const unheard = new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))
    expect(reasonOf(present(await leaf([client, unheard])))).toBe('untrusted_certificate')
    expect(reasonOf(present(await leaf([client], { hash: 'SHA-1' })))).toBe('untrusted_certificate')
    const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 1024 }
    const weak = (await crypto.subtle.generateKey(rsa, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    expect(reasonOf(present(await leaf([client], {}, weak)))).toBe('untrusted_certificate')
  })

  test('is a CA certificate in the place of a leaf', async () => {
    const ca = await issueBelow(
      deep,
      uri,
      [...caExtensions(0), new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
      uri,
    )
    expect(reasonOf(present(asLeaf(ca)), snapshotOf(deep))).toBe('untrusted_certificate')
    expect(reasonOf(present(asLeaf(set.ca)))).toBe('untrusted_certificate')
  })
})

describe('an intermediate', () => {
  const leafOf = (ca: CertificateAuthority) => issueClientCertificate(ca, { now, uris: [uri] })

  test('within the path length is walked, in whatever order the peer sent the chain', async () => {
    const upper = await issueIntermediateCa(deep, { now, commonName: 'Upper', pathLength: 1 })
    const lower = await issueIntermediateCa(upper, { now, commonName: 'Lower' })
    const leaf = { ...(await leafOf(lower)), chainPem: (await leafOf(lower)).certificatePem }
    expect(reasonOf(present(leaf, [upper, lower]), snapshotOf(deep))).toBeUndefined()
    expect(reasonOf(present(leaf, [lower, set.ca, upper]), snapshotOf(deep))).toBeUndefined()
    expect(reasonOf(present(leaf, [upper]), snapshotOf(deep)), 'a link is missing').toBe('untrusted_certificate')
  })

  test('below one that allows none is refused', async () => {
    const upper = await issueIntermediateCa(deep, { now, commonName: 'Allows none', pathLength: 0 })
    const lower = await issueIntermediateCa(upper, { now, commonName: 'Not allowed' })
    expect(reasonOf(present(await leafOf(lower), [upper]), snapshotOf(deep))).toBe('untrusted_certificate')
  })

  test('may itself be the anchor, and then vouches for what is below it only', async () => {
    const anchor = await issueIntermediateCa(deep, { now, commonName: 'Anchor' })
    expect(reasonOf(present(await leafOf(anchor)), snapshotOf(anchor))).toBeUndefined()
    expect(reasonOf(present(await leafOf(deep)), snapshotOf(anchor))).toBe('untrusted_certificate')
  })

  test.each<[name: string, extensions: () => x509.Extension[]]>([
    [
      'name constraints, which we do not evaluate',
      () => [...caExtensions(0), new x509.Extension('2.5.29.30', false, permitOnly)],
    ],
    [
      'a critical extension that we do not know',
      () => [...caExtensions(0), new x509.Extension('2.5.29.36', true, Buffer.from('3003800100', 'hex'))],
    ],
    [
      'a purpose that is not clients',
      () => [...caExtensions(0), new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth])],
    ],
    [
      'no right to sign certificates',
      () => [new x509.BasicConstraintsExtension(true, 0, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.cRLSign, true)],
    ],
    ['no word that it is a CA', () => [new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)]],
  ])('with %s is refused', async (_, extensions) => {
    const issuer = await issueBelow(deep, uri, extensions(), 'constrained')
    expect(reasonOf(present(await leafOf(issuer)), snapshotOf(deep))).toBe('untrusted_certificate')
  })

  test('for clients among others is walked', async () => {
    const purposes = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth])
    const issuer = await issueBelow(deep, uri, [...caExtensions(0), purposes], 'both')
    expect(reasonOf(present(await leafOf(issuer)), snapshotOf(deep))).toBeUndefined()
  })
})

describe('whose word it is (threats 31)', () => {
  test('another tenant’s CA, which the listener accepts too, vouches for nobody here', async () => {
    const other = await createDevCa({ now, commonName: 'Tenant B' })
    const forged = await issueClientCertificate(other, { now, uris: [uri] })
    expect(reasonOf(present(forged, [other]))).toBe('untrusted_certificate')
    expect(reasonOf(present(forged, [set.ca, other]))).toBe('untrusted_certificate')
  })

  test('another trust source of the same tenant vouches for its own agents only', async () => {
    const other = await createDevCa({ now, commonName: 'Second CA' })
    const forged = await issueClientCertificate(other, { now, uris: [uri] })
    const theirs = makeAgent([{ trust_source: 'second', san_uri: 'spiffe://example.test/agent/other' }])
    const snapshot = makeSnapshot({
      sources: [x509Source('ca', set.ca.certificatePem), x509Source('second', other.certificatePem)],
      agents: [agent, theirs],
    })
    expect(reasonOf(present(forged), snapshot)).toBe('unknown_agent')
    expect(reasonOf(present(set.good), snapshot)).toBeUndefined()
  })

  test('of several anchors one is enough, and none is not', () => {
    const many = makeSnapshot({ sources: [x509Source('ca', deep.certificatePem, set.ca.certificatePem)], agents: [agent] })
    expect(reasonOf(present(set.good), many)).toBeUndefined()
    expect(reasonOf(present(set.good), makeSnapshot({ sources: [x509Source('ca')], agents: [agent] }))).toBe(
      'untrusted_certificate',
    )
  })
})

describe('the name', () => {
  test('of another agent is that agent’s', () => {
    const other = makeAgent([{ trust_source: 'ca', san_uri: `${uri}-2` }])
    const snapshot = makeSnapshot({ sources: [x509Source('ca', set.ca.certificatePem)], agents: [agent, other] })
    const result = subjects.verify(snapshot, present(set.bad.otherUri), nowMs)
    expect(result.ok && result.subject.agent).toBe(other)
  })

  test('that two agents claim belongs to neither', () => {
    const broad = makeAgent([{ trust_source: 'ca', san_uri: 'spiffe://example.test/agent/*' }])
    const snapshot = makeSnapshot({ sources: [x509Source('ca', set.ca.certificatePem)], agents: [agent, broad] })
    expect(reasonOf(present(set.good), snapshot)).toBe('ambiguous_agent')
  })

  test('by DNS must be the only one', async () => {
    const rules: AgentRule[] = [{ trust_source: 'ca', san_dns: 'reporter.example.test' }]
    const one = await issueClientCertificate(set.ca, { now, dnsNames: ['reporter.example.test'] })
    const two = await issueClientCertificate(set.ca, { now, dnsNames: ['reporter.example.test', 'b.example.test'] })
    const none = await issueClientCertificate(set.ca, { now, commonName: 'reporter.example.test' })
    expect(reasonOf(present(one), snapshotOf(set.ca, rules))).toBeUndefined()
    expect(reasonOf(present(two), snapshotOf(set.ca, rules))).toBe('unknown_agent')
    expect(reasonOf(present(none), snapshotOf(set.ca, rules)), 'a common name is no DNS name').toBe('unknown_agent')
  })

  test.each([
    ['CN=reporter,O=Mayfly development', undefined],
    ['CN=reporter, O=Mayfly development', undefined],
    ['O=Mayfly development,CN=reporter', 'unknown_agent'],
    ['CN=reporter', 'unknown_agent'],
    ['CN=Reporter,O=Mayfly development', 'unknown_agent'],
    ['OU=x,CN=reporter,O=Mayfly development', 'unknown_agent'],
    ['CN=reporter+O=Mayfly development', 'unknown_agent'],
  ])('by distinguished name is compared whole, parsed, in the order of RFC 4514: %s', async (dn, reason) => {
    const certificate = await issueClientCertificate(set.ca, { now, commonName: 'reporter' })
    expect(reasonOf(present(certificate), snapshotOf(set.ca, [{ trust_source: 'ca', subject_dn: dn }]))).toBe(reason)
  })

  test('that only looks like a distinguished name when it is printed is another one', async () => {
    const certificate = await issueClientCertificate(set.ca, { now, commonName: 'reporter,CN=x' })
    const rules: AgentRule[] = [{ trust_source: 'ca', subject_dn: 'CN=reporter,CN=x,O=Mayfly development' }]
    expect(reasonOf(present(certificate), snapshotOf(set.ca, rules))).toBe('unknown_agent')
  })

  test('is not taken from a rule for tokens', () => {
    expect(reasonOf(present(set.good), snapshotOf(set.ca, [{ trust_source: 'ca', claims: { sub: uri } }]))).toBe('unknown_agent')
  })
})

test('a certificate whose end is no date has ended', () => {
  const leaf = { raw: Buffer.from('x'), validTo: 'Bad time value' } as X509Certificate
  const presented = presentCertificate(leaf, () => [])
  expect(presented.notAfterSeconds).toBe(0)
  expect(reasonOf(presented)).toBe('certificate_expired')
})

describe('a verdict', () => {
  test('ends with the certificate, also on a connection that stays open', () => {
    const presented = present(set.good)
    expect(reasonOf(presented)).toBeUndefined()
    expect(reasonOf(presented, snapshotOf(), presented.notAfterSeconds * 1000 - 1)).toBeUndefined()
    expect(reasonOf(presented, snapshotOf(), presented.notAfterSeconds * 1000)).toBe('certificate_expired')
  })

  test('ends with the anchor, on the same connection and snapshot', async () => {
    const short = await createDevCa({ now, commonName: 'Short', days: 1 })
    const issued = await issueClientCertificate(short, { now, uris: [uri] })
    const presented = { ...present(issued), notAfterSeconds: Number.MAX_SAFE_INTEGER }
    const snapshot = snapshotOf(short)
    const endMs = Date.parse(new X509Certificate(short.certificatePem).validTo)
    expect(reasonOf(presented, snapshot, endMs - 1)).toBeUndefined()
    expect(reasonOf(presented, snapshot, endMs + 30_000)).toBe('untrusted_certificate')
  })

  test('is given anew for each snapshot: an anchor or an agent that is gone is gone at once', () => {
    const presented = present(set.good)
    expect(reasonOf(presented)).toBeUndefined()
    expect(reasonOf(presented, snapshotOf(deep))).toBe('untrusted_certificate')
    expect(reasonOf(presented, makeSnapshot({ sources: [x509Source('ca', set.ca.certificatePem)] }))).toBe('unknown_agent')
  })
})
