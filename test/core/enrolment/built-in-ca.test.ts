// What the built-in CA is, read with other eyes than those that wrote it.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { randomBytes, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Certificate, issueCertificate } from '#core/enrolment/issue-certificate.ts'
import { type CaSigner, createCaKey, openCaKey } from '#core/keys/ca-key.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { presentCertificate } from '#core/subject/certificate.ts'
import { chainEndsIn, isSvidLeaf } from '#core/subject/certificate-path.ts'
import type { CaKeyRow } from '#db/enrolment/ca-keys.ts'
import { newRequestKeys } from '#test/setup/certificate-requests.ts'

const kek = new LocalKeyEncryption(randomBytes(32))
const tenantId = '01900000-0000-7000-8000-000000000001'
const trustDomain = 'acme.broker.example'
const clientId = `agt_${'0'.repeat(32)}`
const spiffeId = `spiffe://${trustDomain}/agent/${clientId}/1`
const nowMs = Date.parse('2030-01-01T12:00:00.500Z')

let row: CaKeyRow
let signer: CaSigner
let anchor: X509Certificate

beforeAll(async () => {
  row = await (await createCaKey(kek, tenantId, nowMs)).certify(trustDomain, nowMs)
  signer = await openCaKey(kek, row)
  anchor = new X509Certificate(row.certificatePem)
})

async function issue(change: { spiffeId?: string; lifetimeSeconds?: number; nowMs?: number } = {}): Promise<Certificate> {
  const keys = await newRequestKeys()
  const spki = Buffer.from(await crypto.subtle.exportKey('spki', keys.publicKey))
  return issueCertificate(signer, { spki, spiffeId, clientId, nowMs, lifetimeSeconds: 3600, ...change })
}
const extensionsOf = (pem: string) =>
  new x509.X509Certificate(pem).extensions.map(({ type, critical }) => `${type}${critical ? ' critical' : ''}`)
const present = (pem: string) => presentCertificate(new X509Certificate(pem), () => [])

describe('the CA', () => {
  test('is one of path length 0 for certificates and lists, and good for URIs of its trust domain only', () => {
    const parsed = new x509.X509Certificate(row.certificatePem)
    expect(anchor.ca && anchor.checkIssued(anchor) && anchor.verify(anchor.publicKey)).toBe(true)
    expect(extensionsOf(row.certificatePem)).toEqual([
      '2.5.29.19 critical',
      '2.5.29.15 critical',
      '2.5.29.30 critical',
      '2.5.29.14',
      '2.5.29.35',
    ])
    expect(parsed.getExtension(x509.BasicConstraintsExtension)).toMatchObject({ ca: true, pathLength: 0 })
    expect(parsed.getExtension(x509.KeyUsagesExtension)!.usages).toBe(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign)
    expect(Buffer.from(parsed.getExtension('2.5.29.30')!.value).toString('latin1')).toContain(trustDomain)
    expect(anchor.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
  })

  test('opens in its own row of its own tenant only, and with its own certificate only', async () => {
    const other = await (await createCaKey(kek, tenantId, nowMs)).certify(trustDomain, nowMs)
    const { id, certificatePem, privateSealed } = other
    for (const change of [{ tenantId: id }, { id }, { certificatePem }, { privateSealed }, { kid: other.kid }])
      await expect(openCaKey(kek, { ...row, ...change }), JSON.stringify(Object.keys(change))).rejects.toMatchObject({
        code: 'internal',
      })
  })

  test('has another name for each key', async () => {
    const other = await (await createCaKey(kek, tenantId, nowMs)).certify(trustDomain, nowMs)
    expect(new X509Certificate(other.certificatePem).subject).not.toBe(anchor.subject)
  })
})

describe('a certificate', () => {
  test('is an X.509-SVID for TLS clients with one name, that the CA signed', async () => {
    const { pem, thumbprint, serial } = await issue()
    const leaf = new X509Certificate(pem)
    expect(extensionsOf(pem)).toEqual([
      '2.5.29.19 critical',
      '2.5.29.15 critical',
      '2.5.29.37',
      '2.5.29.17',
      '2.5.29.14',
      '2.5.29.35',
    ])
    expect([leaf.ca, leaf.subjectAltName, leaf.subject]).toEqual([false, `URI:${spiffeId}`, `CN=${clientId}`])
    expect([leaf.serialNumber.toLowerCase(), leaf.verify(anchor.publicKey)]).toEqual([serial, true])
    expect([chainEndsIn(present(pem), [anchor], nowMs), isSvidLeaf(leaf)]).toEqual([true, true])
    expect(present(pem).thumbprint).toBe(thumbprint)
  })

  test('begins a little before now, ends when it was to, in whole seconds, and never behind the CA', async () => {
    const { pem, notAfterMs } = await issue({ lifetimeSeconds: 600 })
    const leaf = new X509Certificate(pem)
    expect([leaf.validFromDate.toISOString(), leaf.validToDate.toISOString()]).toEqual([
      '2030-01-01T11:55:00.000Z',
      '2030-01-01T12:10:00.000Z',
    ])
    expect(notAfterMs).toBe(leaf.validToDate.getTime())
    const late = await issue({ nowMs: anchor.validToDate.getTime() - 60_000 })
    expect(late.notAfterMs).toBe(anchor.validToDate.getTime())
  })

  test('for a name outside its trust domain is worth nothing, though the CA’s own key signed it', async () => {
    for (const foreign of ['spiffe://other.broker.example/agent/x/1', `spiffe://x.${trustDomain}/agent/x/1`])
      expect(chainEndsIn(present((await issue({ spiffeId: foreign })).pem), [anchor], nowMs)).toBe(false)
  })

  test('has a serial number of its own', async () => {
    const serials = await Promise.all(Array.from({ length: 20 }, async () => (await issue()).serial))
    expect(new Set(serials).size).toBe(20)
  })
})
