// Row 25 of threats.md at the certificate: a stranger brings a chain that is made to be walked for long.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { createPublicKey, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { beforeAll, expect, test, vi } from 'vitest'
import { type CertificateAuthority, caExtensions, createDevCa } from '#apps/standalone/dev-ca.ts'
import { type PresentedCertificate, presentCertificate } from '#core/subject/certificate.ts'
import { readNames } from '#core/subject/certificate-names.ts'
import { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import { nowMs } from './odd-certificates.ts'
import { makeSnapshot, x509Source } from './snapshot.ts'

let ca: CertificateAuthority
beforeAll(async () => {
  ca = await createDevCa({ now: new Date(nowMs), commonName: 'Test CA' })
})

/** Certificates of one name and one key (e: its exponent, base64url), which issue each other in every order, and an anchor's name. */
async function tangle(e: string): Promise<PresentedCertificate> {
  const signing = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const algorithm = { ...signing, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const jwk = { ...(await crypto.subtle.exportKey('jwk', keys.publicKey)), e }
  const publicKey = new x509.PublicKey(createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' }))
  const issue = async (serialNumber: string, subject: string, extensions: x509.Extension[]) => {
    const made = await x509.X509CertificateGenerator.create({
      serialNumber,
      subject,
      issuer: ca.certificate.subjectName.toString(),
      notBefore: new Date(nowMs - 60_000),
      notAfter: new Date(nowMs + 3_600_000),
      signingAlgorithm: signing,
      publicKey,
      signingKey: keys.privateKey,
      extensions,
    })
    return new X509Certificate(Buffer.from(made.rawData))
  }
  const leaf = await issue('01', 'CN=leaf', [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    new x509.SubjectAlternativeNameExtension([{ type: 'url', value: 'spiffe://example.test/x' }]),
  ])
  const name = ca.certificate.subjectName.toString()
  const issuers = await Promise.all(['02', '03', '04', '05'].map(n => issue(n, name, caExtensions(5))))
  return presentCertificate(leaf, () => issuers)
}

/** How often a signature was verified. */
function countVerified(presented: PresentedCertificate): number {
  const verify = vi.spyOn(X509Certificate.prototype, 'verify')
  const sources = Array.from({ length: 8 }, (_, n) => x509Source(`ca${n}`, ca.certificatePem))
  try {
    expect(new CertificateSubjects().verify(makeSnapshot({ sources }), presented, nowMs)).toMatchObject({
      reason: 'untrusted_certificate',
    })
    return verify.mock.calls.length
  } finally {
    verify.mockRestore()
  }
}

test('a tangle of certificates has each of its links verified once, however many ways and trust sources there are', async () => {
  const presented = await tangle('AQAB')
  // Five certificates, each from any of four others or from itself, and from each of the eight anchors.
  expect(countVerified(presented)).toBeLessThanOrEqual(5 * 4 + 5 * 8)
})

test('a tangle is not even verified with keys that are slow on purpose', async () => {
  const slow = await tangle('AQAAAAE')
  // What is left are the anchors, whose keys an operator registered.
  expect(countVerified(slow)).toBe(0)
})

test('a long certificate of a stranger is not read at all: that takes a hundred times as long as to see who signed it', async () => {
  const signing = { name: 'ECDSA', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const names = Array.from({ length: 1_500 }, () => ({ type: 'dns' as const, value: 'a' }))
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: '01',
    subject: 'CN=long',
    issuer: ca.certificate.subjectName,
    notBefore: new Date(nowMs - 60_000),
    notAfter: new Date(nowMs + 3_600_000),
    signingAlgorithm: signing,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(names),
    ],
  })
  const presented = presentCertificate(new X509Certificate(Buffer.from(made.rawData)), () => [])
  const read = vi.spyOn(x509.X509Certificate.prototype, 'getExtension')
  try {
    expect(countVerified(presented)).toBeGreaterThan(0)
    expect(read).not.toHaveBeenCalled()
    readNames(presented.leaf)
    expect(read).toHaveBeenCalled()
  } finally {
    read.mockRestore()
  }
})
