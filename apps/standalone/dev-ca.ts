// The development certificate authority: made on the first start of the standalone mode, so that TLS and client
// certificates are there from the first minute. It is one self-signed P-256 root with path length 0: it signs leaves only.
//
// Every certificate carries `developmentOrganisation` as O. That is the marker by which the broker recognises it, and refuses to
// serve with it in production mode or beyond loopback.

import 'reflect-metadata' // @peculiar/x509 resolves its parts through tsyringe, which needs this loaded before it
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import { developmentOrganisation } from '#apps/broker/development-marker.ts'

/** Certificates start a little before now, so that a clock that lags is no reason to refuse them. */
export const backdateMs = 5 * 60_000

const dayMs = 86_400_000
const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const

/** A CA that can sign: what `createDevCa` makes and `loadDevCa` reads back. PEM texts end in a newline. */
export interface CertificateAuthority {
  readonly certificatePem: string
  readonly keyPem: string
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
}

/** PEM texts. `chainPem` is what a TLS peer sends: the leaf, then intermediates; never the root, which the other side holds. */
export interface IssuedCertificate {
  readonly certificatePem: string
  readonly keyPem: string
  readonly chainPem: string
}

/** All that differs between one leaf and the next. `usages` are the extended key usages, as object identifiers. */
export interface LeafTemplate {
  commonName: string
  names: x509.JsonGeneralNames
  usages: string[]
  notBefore: Date
  notAfter: Date
}

/**
 * A new CA.
 * `now`: its validity begins five minutes earlier and ends `days` (default 730) later.
 * `pathLength`: how many CAs may stand below it (RFC 5280 § 4.2.1.9), default 0.
 */
export async function createDevCa(input: {
  now: Date
  commonName?: string
  days?: number
  pathLength?: number
}): Promise<CertificateAuthority> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: distinguishedName(input.commonName ?? 'Mayfly development CA'),
    notBefore: new Date(input.now.getTime() - backdateMs),
    notAfter: new Date(input.now.getTime() + (input.days ?? 730) * dayMs),
    signingAlgorithm,
    keys,
    extensions: [
      ...caExtensions(input.pathLength ?? 0),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: toPem(certificate), keyPem: await keyToPem(keys.privateKey), certificate, key: keys.privateKey }
}

/** Reads a CA back from its PEM texts. Throws when the key does not belong to the certificate. */
export async function loadDevCa(pem: { certificatePem: string; keyPem: string }): Promise<CertificateAuthority> {
  const certificate = new x509.X509Certificate(pem.certificatePem)
  const pkcs8 = x509.PemConverter.decodeFirst(pem.keyPem)
  const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, keyAlgorithm, true, ['sign'])
  const publicKey = await certificate.publicKey.export(keyAlgorithm, ['verify'])
  const probe = randomBytes(32)
  const signature = await webcrypto.subtle.sign(signingAlgorithm, key, probe)
  if (!(await webcrypto.subtle.verify(signingAlgorithm, publicKey, signature, probe))) {
    throw new Error('The development CA certificate and its key do not belong together.')
  }
  return { ...pem, certificate, key }
}

/** A TLS server certificate for DNS names and IP addresses; `days` defaults to 30; the certificate never outlives the CA. */
export async function issueServerCertificate(
  ca: CertificateAuthority,
  input: { hosts: string[]; now: Date; days?: number },
): Promise<IssuedCertificate> {
  if (input.hosts.length === 0) throw new Error('A server certificate needs at least one host.')
  return issueLeaf(ca, {
    commonName: input.hosts[0]!,
    names: input.hosts.map(host => (isIP(host) ? { type: 'ip', value: host } : { type: 'dns', value: host })),
    usages: [x509.ExtendedKeyUsage.serverAuth],
    ...validity(ca, input),
  })
}

/**
 * A TLS client certificate for a workload. `uris` are SPIFFE ids; an X.509-SVID has exactly one (X509-SVID § 2).
 * Its end is `notAfter`, or `days` (default 30) after `now`, and never later than the CA's.
 */
export async function issueClientCertificate(
  ca: CertificateAuthority,
  input: { now: Date; uris?: string[]; dnsNames?: string[]; commonName?: string; notAfter?: Date; days?: number },
): Promise<IssuedCertificate> {
  const uris = input.uris ?? []
  const dnsNames = input.dnsNames ?? []
  if (uris.length + dnsNames.length === 0 && input.commonName === undefined) {
    throw new Error('A client certificate needs a URI, a DNS name or a common name.')
  }
  return issueLeaf(ca, {
    commonName: input.commonName ?? dnsNames[0] ?? 'workload',
    names: [...uris.map(value => ({ type: 'url', value }) as const), ...dnsNames.map(value => ({ type: 'dns', value }) as const)],
    usages: [x509.ExtendedKeyUsage.clientAuth],
    ...validity(ca, input),
  })
}

/** Signs one leaf with a key of its own: CA=FALSE, digitalSignature, the template's names and usages. */
export async function issueLeaf(ca: CertificateAuthority, template: LeafTemplate): Promise<IssuedCertificate> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: distinguishedName(template.commonName),
    issuer: ca.certificate.subjectName,
    notBefore: template.notBefore,
    notAfter: template.notAfter,
    signingAlgorithm,
    publicKey: keys.publicKey,
    signingKey: ca.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...(template.usages.length > 0 ? [new x509.ExtendedKeyUsageExtension(template.usages)] : []),
      ...(template.names.length > 0 ? [new x509.SubjectAlternativeNameExtension(template.names)] : []),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate.publicKey),
    ],
  })
  const certificatePem = toPem(certificate)
  const issuerIsRoot = ca.certificate.subject === ca.certificate.issuer
  const chainPem = issuerIsRoot ? certificatePem : certificatePem + ca.certificatePem
  return { certificatePem, keyPem: await keyToPem(keys.privateKey), chainPem }
}

/** The extensions that make a certificate a CA, apart from its key identifiers. */
export function caExtensions(pathLength: number): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ]
}

/** A new P-256 key pair that can be exported. */
export async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
}

/** PKCS #8 PEM. */
export async function keyToPem(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key)
  return `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY').trim()}\n`
}

export const toPem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem').trim()}\n`

/** The subject of everything signed here: the marker, then the name. */
export const distinguishedName = (commonName: string): x509.JsonName => [{ O: [developmentOrganisation] }, { CN: [commonName] }]

/** 127 random bits, positive and of constant length (RFC 5280 § 4.1.2.2). */
export function newSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes.toString('hex')
}

function validity(
  ca: CertificateAuthority,
  input: { now: Date; notAfter?: Date; days?: number },
): { notBefore: Date; notAfter: Date } {
  const wantedMs = input.notAfter?.getTime() ?? input.now.getTime() + (input.days ?? 30) * dayMs
  const notAfter = new Date(Math.min(wantedMs, ca.certificate.notAfter.getTime()))
  return { notBefore: new Date(input.now.getTime() - backdateMs), notAfter }
}
