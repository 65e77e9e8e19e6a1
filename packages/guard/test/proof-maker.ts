// Makes DPoP proofs that are right unless a test says otherwise.

import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { encode, nowSeconds } from './issuer.ts'

type Json = Record<string, unknown>

export interface ProofSigner {
  readonly alg: string
  readonly privateKey: KeyObject
  readonly jwk: Json
  readonly jkt: string
}

/** A new key for `alg`. `bits` for RSA. */
export function newProofSigner(alg = 'ES256', bits = 2048): ProofSigner {
  const { privateKey, publicKey } = newPair(alg, bits)
  const jwk = publicKey.export({ format: 'jwk' }) as Json
  const names = { EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'], RSA: ['e', 'kty', 'n'] }[jwk['kty'] as 'EC']
  const members = JSON.stringify(Object.fromEntries(names.map(name => [name, jwk[name]])))
  return { alg, privateKey, jwk, jkt: createHash('sha256').update(members).digest('base64url') }
}

function newPair(alg: string, bits: number): { privateKey: KeyObject; publicKey: KeyObject } {
  if (alg.startsWith('Ed')) return generateKeyPairSync('ed25519')
  if (alg.startsWith('ES')) return generateKeyPairSync('ec', { namedCurve: alg === 'ES384' ? 'P-384' : 'P-256' })
  return generateKeyPairSync('rsa', { modulusLength: bits })
}

/** Claims of a proof for `GET https://api.example/v1/flights/42` with this token; `undefined` removes one. */
export const proofClaims = (token: string, change: Json = {}): Json => ({
  jti: randomUUID(),
  htm: 'GET',
  htu: 'https://api.example/v1/flights/42',
  iat: nowSeconds,
  ath: createHash('sha256').update(token).digest('base64url'),
  ...change,
})

export function makeProof(signer: ProofSigner, claims: Json, header: Json = {}): string {
  const { alg, privateKey: key, jwk } = signer
  const input = `${encode({ typ: 'dpop+jwt', alg, jwk, ...header })}.${encode(claims)}`
  const digest = alg.startsWith('Ed') ? null : alg === 'ES384' ? 'sha384' : 'sha256'
  const options = { key, dsaEncoding: 'ieee-p1363' as const, ...(alg.startsWith('PS') ? { padding: 6, saltLength: 32 } : {}) }
  return `${input}.${sign(digest, Buffer.from(input), options).toString('base64url')}`
}
