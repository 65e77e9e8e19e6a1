// The one form of name constraint that is evaluated, and that every other one makes an authority worthless.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { randomBytes, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type CertificateAuthority,
  caExtensions,
  createDevCa,
  type IssuedCertificate,
  issueLeaf,
} from '#apps/standalone/dev-ca.ts'
import { createCaKey } from '#core/keys/ca-key.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { presentCertificate } from '#core/subject/certificate.ts'
import { chainEndsIn } from '#core/subject/certificate-path.ts'
import { encodeUriConstraint, readUriConstraint, urisWithin } from '#core/subject/name-constraints.ts'
import { asLeaf, issueBelow, nowMs } from './odd-certificates.ts'

const now = new Date(nowMs)
const host = 'first.broker.example'
const own = `spiffe://${host}/agent/a/1`

const tlv = (tag: number, ...parts: (Buffer | string)[]): Buffer => {
  const content = Buffer.concat(parts.map(part => Buffer.from(part as string, 'latin1')))
  return Buffer.concat([Buffer.from(content.length < 0x80 ? [tag, content.length] : [tag, 0x81, content.length]), content])
}
const subtree = (...parts: Buffer[]): Buffer => tlv(0x30, ...parts)
const uri = (text: string): Buffer => tlv(0x86, text)
const permitted = (...subtrees: Buffer[]): Buffer => tlv(0xa0, ...subtrees)
const excluded = (...subtrees: Buffer[]): Buffer => tlv(0xa1, ...subtrees)

describe('reading', () => {
  test('gives the hosts of what we write', () => {
    expect(readUriConstraint(encodeUriConstraint([host]))).toEqual([host])
    expect(readUriConstraint(encodeUriConstraint([host, 'x'.repeat(200)]))).toEqual([host, 'x'.repeat(200)])
    expect(encodeUriConstraint([host])).toEqual(tlv(0x30, permitted(subtree(uri(host)))))
  })

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['an empty sequence', tlv(0x30)],
    ['no subtree', tlv(0x30, permitted())],
    ['excluded URIs', tlv(0x30, excluded(subtree(uri(host))))],
    ['excluded URIs beside permitted ones', tlv(0x30, permitted(subtree(uri(host))), excluded(subtree(uri('a.example'))))],
    ['DNS names', tlv(0x30, permitted(subtree(tlv(0x82, host))))],
    ['DNS names beside URIs', tlv(0x30, permitted(subtree(uri(host)), subtree(tlv(0x82, host))))],
    ['a directory name', tlv(0x30, permitted(subtree(tlv(0xa4, tlv(0x30)))))],
    ['a minimum', tlv(0x30, permitted(subtree(uri(host), tlv(0x80, '\x01'))))],
    ['the standard minimum, written out', tlv(0x30, permitted(subtree(uri(host), tlv(0x80, '\x00'))))],
    ['a maximum', tlv(0x30, permitted(subtree(uri(host), tlv(0x81, '\x01'))))],
    ['whatever is below a host', tlv(0x30, permitted(subtree(uri('.broker.example'))))],
    ['an empty host', tlv(0x30, permitted(subtree(uri(''))))],
    ['a whole URI', tlv(0x30, permitted(subtree(uri(`spiffe://${host}`))))],
    ['a host in capitals', tlv(0x30, permitted(subtree(uri(host.toUpperCase()))))],
    ['a host with a zero byte', tlv(0x30, permitted(subtree(uri(`${host}\0.example`))))],
    ['more hosts than we look at', encodeUriConstraint(Array.from({ length: 9 }, (_, i) => `h${i}`))],
    ['something behind it', Buffer.concat([encodeUriConstraint([host]), Buffer.from([0x05, 0x00])])],
    ['a length in a longer form', Buffer.from(`3081${encodeUriConstraint([host]).toString('hex').slice(2)}`, 'hex')],
    ['an indefinite length', Buffer.from(`3080${encodeUriConstraint([host]).toString('hex').slice(4)}0000`, 'hex')],
    ['a text cut short', encodeUriConstraint([host]).subarray(0, -1)],
  ])('understands nothing of %s', (_name, value) => {
    expect(readUriConstraint(value)).toBeUndefined()
  })

  test('understands only bytes that we would write ourselves', () => {
    const good = encodeUriConstraint([host])
    const bent = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
      const copy = Buffer.from(good)
      copy[at]! ^= by
      return copy
    })
    fc.assert(
      fc.property(fc.oneof(bent, fc.uint8Array({ maxLength: 64 })), bytes => {
        const hosts = readUriConstraint(bytes)
        expect(hosts === undefined || encodeUriConstraint(hosts).equals(bytes)).toBe(true)
      }),
    )
  })
})

describe('a URI', () => {
  test.each([own, `https://${host}`, `https://${host}?a`, `SPIFFE://${host.toUpperCase()}/a`])('%s is within its host', text => {
    expect(urisWithin([text], [host])).toBe(true)
  })

  test.each([
    'spiffe://second.broker.example/agent/a/1',
    `spiffe://a.${host}/agent`,
    `spiffe://${host}.example/agent`,
    `spiffe://${host}:443/agent`,
    `spiffe://user@${host}/agent`,
    `spiffe://other.example@${host}/agent`,
    `spiffe://${host}@other.example/agent`,
    `spiffe://other.example/${host}`,
    `spiffe://other.example#${host}`,
    `spiffe://other.example\\${host}/agent`,
    'spiffe://first%2ebroker.example/agent',
    `spiffe:${host}/agent`,
    `//${host}/agent`,
    `urn:spiffe:${host}`,
    'spiffe:///agent',
    '',
  ])('%j is not', text => {
    expect(urisWithin([text], [host])).toBe(false)
    expect(urisWithin([own, text], [host])).toBe(false)
  })
})

describe('below an authority', () => {
  const authority = (value: Buffer, { critical = true, pathLength = 0 } = {}): Promise<CertificateAuthority> =>
    makeAuthority([...caExtensions(pathLength), new x509.Extension('2.5.29.30', critical, value)])
  const leafOf = (ca: CertificateAuthority, ...uris: string[]): Promise<IssuedCertificate> =>
    issueLeaf(ca, {
      commonName: 'workload',
      names: uris.map(value => ({ type: 'url', value })),
      usages: [x509.ExtendedKeyUsage.clientAuth],
      notBefore: new Date(nowMs - 60_000),
      notAfter: new Date(nowMs + 60_000),
    })
  const accepts = (ca: CertificateAuthority, leaf: IssuedCertificate, between: CertificateAuthority[] = []): boolean => {
    const above = between.map(({ certificatePem }) => new X509Certificate(certificatePem))
    const presented = presentCertificate(new X509Certificate(leaf.certificatePem), () => above)
    return chainEndsIn(presented, [new X509Certificate(ca.certificatePem)], nowMs)
  }

  test('with our constraint only URIs of its host are believed', async () => {
    const ca = await authority(encodeUriConstraint([host]))
    expect(accepts(ca, await leafOf(ca, own))).toBe(true)
    expect(accepts(ca, await leafOf(ca, 'spiffe://second.broker.example/agent/a/1'))).toBe(false)
    expect(accepts(ca, await leafOf(ca, own, 'spiffe://second.broker.example/agent/a/1'))).toBe(false)
  })

  test('the constraint holds for each certificate between it and the leaf', async () => {
    const ca = await authority(encodeUriConstraint([host]), { pathLength: 1 })
    const good = await issueBelow(ca, `spiffe://${host}/ca`, caExtensions(0), 'good')
    const bad = await issueBelow(ca, 'spiffe://second.broker.example', caExtensions(0), 'bad')
    expect(accepts(ca, await leafOf(good, own), [good])).toBe(true)
    expect(accepts(ca, await leafOf(good, 'spiffe://second.broker.example/x'), [good])).toBe(false)
    expect(accepts(ca, await leafOf(bad, own), [bad])).toBe(false)
  })

  test.each([
    ['that is not critical', encodeUriConstraint([host]), { critical: false }],
    ['of DNS names', tlv(0x30, permitted(subtree(tlv(0x82, host)))), {}],
    ['with exclusions', tlv(0x30, permitted(subtree(uri(host))), excluded(subtree(uri('a.example')))), {}],
    ['that is empty', tlv(0x30), {}],
    ['that is no DER', randomBytes(16), {}],
  ] as const)('with a constraint %s nothing is believed', async (_name, value, how) => {
    const ca = await authority(value, how)
    expect(accepts(ca, await leafOf(ca, own))).toBe(false)
  })

  test('in a leaf the constraint is not understood', async () => {
    const ca = await createDevCa({ now })
    const constraint = new x509.Extension('2.5.29.30', true, encodeUriConstraint([host]))
    const leaf = await issueBelow(
      ca,
      own,
      [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]), constraint],
      'a',
    )
    expect(accepts(ca, asLeaf(leaf))).toBe(false)
  })
})

test('the certificate of a CA key is just that: critical, path length 0, its own trust domain, nothing else', async () => {
  const key = await createCaKey(new LocalKeyEncryption(randomBytes(32)), '01900000-0000-7000-8000-000000000001', nowMs)
  const { certificatePem } = await key.certify(host, nowMs)
  const certificate = new x509.X509Certificate(certificatePem)
  expect(certificate.getExtension(x509.BasicConstraintsExtension)).toMatchObject({ ca: true, pathLength: 0, critical: true })
  const usages = certificate.getExtension(x509.KeyUsagesExtension)
  expect(usages).toMatchObject({ critical: true, usages: x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign })
  const constraint = certificate.getExtension('2.5.29.30')
  expect(constraint?.critical).toBe(true)
  expect(readUriConstraint(new Uint8Array(constraint!.value))).toEqual([host])
  expect(certificate.publicKey.algorithm).toMatchObject({ name: 'ECDSA', namedCurve: 'P-256' })
})

/** Signed by itself, with just these extensions. */
async function makeAuthority(extensions: x509.Extension[]): Promise<CertificateAuthority> {
  const { key, certificate } = await createDevCa({ now })
  const publicKey = await certificate.publicKey.export()
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Constrained',
    notBefore: new Date(nowMs - 60_000),
    notAfter: new Date(nowMs + 3_600_000),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    keys: { privateKey: key, publicKey },
    extensions,
  })
  return { certificate: made, certificatePem: `${made.toString('pem')}\n`, key, keyPem: '' }
}
