// Keys of a tenant's built-in CA. Each has a certificate of its own, which it signed itself: path length 0, and by a critical
// name constraint good for URIs of the tenant's trust domain only. So what it signs can speak for nobody else, whoever trusts it.

import 'reflect-metadata'
import { createPrivateKey, createPublicKey, type KeyObject, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { BrokerError } from '#core/errors/broker-error.ts'
import { newUuid } from '#core/ids/id.ts'
import { takeRandom } from '#core/ids/random.ts'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import { encodeUriConstraint } from '#core/subject/name-constraints.ts'
import type { CaKeyRow } from '#db/enrolment/ca-keys.ts'
import type { KeyEncryption } from './key-encryption.ts'

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
export const caSigningAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const
export const caKeyAlgorithm = 'ES256'

const dayMs = 86_400_000
/**
 * A CA that is never rotated goes on working for so long. Three times its planned life: a worker that does not run must not
 * end it.
 */
const validityMs = 3 * 365 * dayMs
/** Certificates start a little before now, so that a clock that lags is no reason to refuse them. */
export const backdateMs = 5 * 60_000

/** A key that was made and has no certificate yet: which trust domain it is for is read in the transaction that stores it. */
export interface FreshCaKey {
  readonly kid: string
  /** nowMs: the beginning of the certificate. */
  certify(trustDomain: string, nowMs: number): Promise<CaKeyRow>
}

/** nowMs: the sortable part of its id. */
export async function createCaKey(keyEncryption: KeyEncryption, tenantId: string, nowMs: number): Promise<FreshCaKey> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  const id = newUuid(nowMs)
  const kid = jwkThumbprint((await webcrypto.subtle.exportKey('jwk', keys.publicKey)) as Record<string, unknown>)
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  try {
    const privateSealed = await keyEncryption.seal(der, { tenantId, purpose: 'ca-key', rowId: id })
    const stored = { id, tenantId, kid, alg: caKeyAlgorithm, privateSealed, kekId: keyEncryption.keyId }
    return {
      kid,
      certify: async (trustDomain, atMs) => ({
        ...stored,
        certificatePem: toPem(await signItself(keys, { kid, trustDomain, nowMs: atMs })),
      }),
    }
  } finally {
    der.fill(0)
  }
}

function signItself(
  keys: webcrypto.CryptoKeyPair,
  { kid, trustDomain, nowMs }: { readonly kid: string; readonly trustDomain: string; readonly nowMs: number },
): Promise<x509.X509Certificate> {
  return Promise.all([
    x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
  ]).then(identifiers =>
    x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerialNumber(),
      // Another name for each key, so that nobody looks for one key's signature under another's certificate.
      name: [{ CN: [`Mayfly built-in CA ${kid.slice(0, 16)}`] }],
      notBefore: new Date(nowMs - backdateMs),
      notAfter: new Date(nowMs + validityMs),
      signingAlgorithm: caSigningAlgorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        new x509.Extension('2.5.29.30', true, encodeUriConstraint([trustDomain])),
        ...identifiers,
      ],
    }),
  )
}

/** A CA key that can sign. */
export interface CaSigner {
  readonly kid: string
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
}

/** Throws BrokerError `internal` when it was sealed elsewhere, changed, or does not fit its certificate. */
export async function openCaKey(keyEncryption: KeyEncryption, stored: CaKeyRow): Promise<CaSigner> {
  const context = { tenantId: stored.tenantId, purpose: 'ca-key', rowId: stored.id } as const
  const der = await keyEncryption.open(stored.privateSealed, stored.kekId, context)
  try {
    const certificate = new x509.X509Certificate(stored.certificatePem)
    const published = createPublicKey({ key: Buffer.from(certificate.publicKey.rawData), format: 'der', type: 'spki' })
    const own = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
    // What relying parties are shown must be the other half of what signs.
    if (thumbprint(own) !== stored.kid || thumbprint(published) !== stored.kid)
      throw new BrokerError('internal', { detail: `CA key ${stored.id} does not fit its certificate` })
    return {
      kid: stored.kid,
      certificate,
      key: await webcrypto.subtle.importKey('pkcs8', Uint8Array.from(der), keyAlgorithm, false, ['sign']),
    }
  } finally {
    der.fill(0)
  }
}

const thumbprint = (key: KeyObject): string => jwkThumbprint(key.export({ format: 'jwk' }) as Record<string, unknown>)

export const toPem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem').trim()}\n`

/** 127 random bits, positive and of constant length (RFC 5280 § 4.1.2.2). */
export function newSerialNumber(): string {
  const bytes = takeRandom(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes.toString('hex')
}
