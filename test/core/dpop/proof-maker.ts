// Makes DPoP proofs that are right unless a test says otherwise.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export interface ProofSigner {
  readonly alg: string
  readonly privateKey: KeyObject
  readonly jwk: Record<string, unknown>
}

const pss = { padding: 6, saltLength: 32 }

export function newProofSigner(alg = 'ES256', modulusLength = 2048): ProofSigner {
  const { privateKey, publicKey } = (() => {
    if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    if (alg === 'ES384') return generateKeyPairSync('ec', { namedCurve: 'P-384' })
    if (alg === 'ES256K') return generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
    if (alg === 'EdDSA' || alg === 'Ed25519') return generateKeyPairSync('ed25519')
    return generateKeyPairSync('rsa', { modulusLength })
  })()
  return { alg, privateKey, jwk: publicKey.export({ format: 'jwk' }) as Record<string, unknown> }
}

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** header, payload: changes; `undefined` removes a member. */
export function makeProof(signer: ProofSigner, payload: Record<string, unknown>, header: Record<string, unknown> = {}): string {
  const signed = `${encode({ typ: 'dpop+jwt', alg: signer.alg, jwk: signer.jwk, ...header })}.${encode(payload)}`
  return `${signed}.${signWith(signer, signed)}`
}

function signWith({ alg, privateKey: key }: ProofSigner, signed: string): string {
  const digest = alg.startsWith('Ed') ? null : alg === 'ES384' ? 'sha384' : 'sha256'
  const input = { key, dsaEncoding: 'ieee-p1363' as const, ...(alg.startsWith('PS') ? pss : {}) }
  return sign(digest, Buffer.from(signed), input).toString('base64url')
}
