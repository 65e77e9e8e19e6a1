// Row 32 of threats.md as far as it ends at the certificate request: what it may ask for.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import * as x509 from '@peculiar/x509'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCsr } from '#core/enrolment/read-csr.ts'
import { greedyExtensions, makeCertificateRequest, newRequestKeys, uriNames } from '#test/setup/certificate-requests.ts'

const uri = 'spiffe://first.broker.example/agent/agt_0198c0ffee00700080000000000000aa/1'
const faultOf = (pem: string): string | undefined => {
  const result = readCsr(pem)
  return result.ok ? undefined : result.fault
}
const pemOf = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')

describe('a request is read', () => {
  test('that asks for nothing: its key is taken, and nothing else', async () => {
    const { pem } = await makeCertificateRequest()
    const result = readCsr(pem)
    expect(result).toMatchObject({ ok: true, request: { commonName: undefined, uri: undefined } })
    const spki = new x509.Pkcs10CertificateRequest(pem).publicKey.rawData
    expect(result.ok && result.request.spki.equals(Buffer.from(spki))).toBe(true)
  })

  test.each([
    ['P-384', { name: 'ECDSA', namedCurve: 'P-384' }],
    ['Ed25519', { name: 'Ed25519' }],
    ['RSA 2048', { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }],
  ])('with a key of %s', async (_name, algorithm) => {
    const { pem } = await makeCertificateRequest({ keys: await newRequestKeys(algorithm) })
    expect(faultOf(pem)).toBeUndefined()
  })

  test('that says what every certificate says anyway', async () => {
    const extensions = [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      uriNames(uri),
    ]
    const { pem } = await makeCertificateRequest({ extensions })
    expect(readCsr(pem)).toMatchObject({ ok: true, request: { uri } })
  })

  test('with one common name, which is told', async () => {
    const { pem } = await makeCertificateRequest({ name: 'CN=agt_1' })
    expect(readCsr(pem)).toMatchObject({ ok: true, request: { commonName: 'agt_1' } })
  })

  test('with lines that end in CRLF', async () => {
    const { pem } = await makeCertificateRequest()
    expect(faultOf(pem.replaceAll(/\r?\n/g, '\r\n'))).toBeUndefined()
  })
})

describe('a request is refused', () => {
  test.each(Object.entries(greedyExtensions))('that asks for %s', async (_name, extensions) => {
    const { pem } = await makeCertificateRequest({ extensions: extensions() })
    expect(faultOf(pem)).toMatch(/^csr_asks_(identity|ca|extension)$/)
  })

  test.each(['CN=a, O=Example', 'CN=a+CN=b', 'O=Example', 'CN=a, CN=b', 'E=root@broker.example'])(
    'with the subject %s',
    async name => {
      const { pem } = await makeCertificateRequest({ name })
      expect(faultOf(pem)).toBe('csr_asks_identity')
    },
  )

  test('with another attribute than extensions', async () => {
    const { pem } = await makeCertificateRequest({ attributes: [new x509.ChallengePasswordAttribute('secret')] })
    expect(faultOf(pem)).toBe('csr_asks_extension')
    const both = await makeCertificateRequest({
      attributes: [new x509.ChallengePasswordAttribute('secret')],
      extensions: [uriNames(uri)],
    })
    expect(faultOf(both.pem)).toBe('csr_asks_extension')
  })

  test.each([
    ['P-521', { name: 'ECDSA', namedCurve: 'P-521' }],
    ['RSA 1024', { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }],
  ])('with a key of %s', async (_name, algorithm) => {
    const { pem } = await makeCertificateRequest({ keys: await newRequestKeys(algorithm) })
    expect(faultOf(pem)).toBe('csr_key')
  })

  test('signed with SHA-1', async () => {
    const keys = await newRequestKeys({
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-1',
    })
    const { pem } = await makeCertificateRequest({ keys, hash: 'SHA-1' })
    expect(faultOf(pem)).toBe('csr_signature')
  })

  test('with the key of somebody else: its sender does not hold it', async () => {
    const [own, other] = [await makeCertificateRequest(), await makeCertificateRequest()]
    const ownKey = Buffer.from(new x509.Pkcs10CertificateRequest(own.pem).publicKey.rawData)
    const otherKey = Buffer.from(new x509.Pkcs10CertificateRequest(other.pem).publicKey.rawData)
    const der = derOf(own.pem)
    otherKey.copy(der, der.indexOf(ownKey))
    expect(faultOf(pemOf(der))).toBe('csr_signature')
  })

  test('where any one bit was changed', async () => {
    const der = derOf((await makeCertificateRequest({ extensions: [uriNames(uri)] })).pem)
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(7), (at, bit) => {
        const bent = Buffer.from(der)
        bent[at]! ^= 1 << bit
        expect(readCsr(pemOf(bent)).ok).toBe(false)
      }),
    )
  })

  test('that is cut short, continued, or something else', async () => {
    const { pem } = await makeCertificateRequest()
    const der = derOf(pem)
    for (const text of [
      '',
      'mfj_',
      pem + pem,
      `before\n${pem}`,
      pem.replace('END CERTIFICATE', 'END NEW CERTIFICATE'),
      pem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'),
      pemOf(der.subarray(0, -1)),
      pemOf(Buffer.concat([der, Buffer.from([5, 0])])),
      pemOf(Buffer.alloc(0)),
      pemOf(Buffer.alloc(13_000, 0x30)),
    ])
      expect(faultOf(text), text.slice(0, 40)).toBe('csr_unreadable')
  })

  test('never by throwing, whatever it is', () => {
    fc.assert(fc.property(fc.string(), text => readCsr(text).ok === false))
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), bytes => readCsr(pemOf(bytes)).ok === false))
  })
})
