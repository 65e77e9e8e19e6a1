// A tenant's signing keys. The private half exists in clear only inside a process that signs: it is made here, sealed at
// once under the key-encryption key, and opened again by whoever loads the tenant.

import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { BrokerError } from '#core/errors/broker-error.ts'
import { newUuid } from '#core/ids/id.ts'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import type { NewSigningKeyRow } from '#db/registry/signing-keys.ts'
import type { KeyEncryption } from './key-encryption.ts'
import { type SignJws, signHere } from './sign-jws.ts'
import type { Signer } from './signer.ts'

const generate = promisify(generateKeyPair)

export type SigningAlgorithm = Signer['alg']

/** All that is known of an algorithm. */
const algorithms = {
  ES256: {
    generate: () => generate('ec', { namedCurve: 'P-256' }),
    kty: 'EC',
  },
  RS256: {
    generate: () => generate('rsa', { modulusLength: 2048 }),
    kty: 'RSA',
  },
} as const

export const signingAlgorithms: readonly SigningAlgorithm[] = ['ES256', 'RS256']

export type PublicJwk = Readonly<Record<string, unknown>> & {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly use: 'sig'
}

/** A key as it is stored: nothing in it is secret without the key-encryption key. */
export interface SealedSigningKey {
  readonly id: string
  readonly tenantId: string
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly publicJwk: PublicJwk
  /** PKCS #8 DER, sealed. */
  readonly privateSealed: Buffer
  readonly kekId: string
}

/** Makes a key for a tenant. `kid` is the RFC 7638 thumbprint, so that it can be neither chosen nor reused for another key. */
export async function createSigningKey(
  keyEncryption: KeyEncryption,
  input: { readonly tenantId: string; readonly alg: SigningAlgorithm; readonly nowMs: number },
): Promise<SealedSigningKey> {
  const { tenantId, alg, nowMs } = input
  const { publicKey, privateKey } = await algorithms[alg].generate()
  const id = newUuid(nowMs)
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, unknown>
  const kid = jwkThumbprint(jwk)
  const der = privateKey.export({ format: 'der', type: 'pkcs8' })
  try {
    const privateSealed = await keyEncryption.seal(der, { tenantId, purpose: 'signing-key', rowId: id })
    return { id, tenantId, kid, alg, publicJwk: { ...jwk, alg, kid, use: 'sig' }, privateSealed, kekId: keyEncryption.keyId }
  } finally {
    der.fill(0)
  }
}

export function toSigningKeyRow(key: SealedSigningKey): NewSigningKeyRow {
  const { id, kid, alg } = key
  return {
    id,
    tenant_id: key.tenantId,
    kid,
    alg,
    public_jwk: key.publicJwk,
    private_sealed: key.privateSealed,
    kek_id: key.kekId,
  }
}

/** Opens a stored key. Throws BrokerError `internal` when it was sealed elsewhere, changed, or does not fit its public half. */
export async function openSigningKey(
  keyEncryption: KeyEncryption,
  stored: SealedSigningKey,
  signWith: SignJws = signHere,
): Promise<Signer> {
  const context = { tenantId: stored.tenantId, purpose: 'signing-key', rowId: stored.id } as const
  const der = await keyEncryption.open(stored.privateSealed, stored.kekId, context)
  try {
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    // What verifiers are shown must be the other half of what signs, else nobody could verify, or somebody else could sign.
    const jwk = createPublicKey(key).export({ format: 'jwk' }) as Record<string, unknown>
    if (jwk['kty'] !== algorithms[stored.alg].kty || jwkThumbprint(jwk) !== stored.kid)
      throw new BrokerError('internal', { detail: `signing key ${stored.id} does not fit its kid` })
    return createSigner(key, stored.kid, stored.alg, signWith)
  } finally {
    der.fill(0)
  }
}

/**
 * Signs text that is already JSON, by node:crypto itself: fast-jwt takes an object only, so it would parse or stringify the
 * claims a second time, whose exact bytes the audit log has hashed before.
 */
function createSigner(key: KeyObject, kid: string, alg: SigningAlgorithm, signWith: SignJws = signHere): Signer {
  const headers = new Map<string, string>()
  const header = (typ: string): string => {
    let encoded = headers.get(typ)
    if (encoded === undefined) {
      encoded = Buffer.from(JSON.stringify({ alg, kid, typ })).toString('base64url')
      headers.set(typ, encoded)
    }
    return encoded
  }
  return {
    kid,
    alg,
    sign: (payload, typ) => signWith(key, header(typ), payload),
  }
}
