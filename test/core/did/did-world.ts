// Holders of DIDs, their documents and proofs: right until a test bends them.

import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { base58 } from '@scure/base'
import { encode } from '#test/setup/forged-jwt.ts'

export interface Holder {
  readonly alg: 'EdDSA' | 'ES256'
  readonly did: string
  readonly kid: string
  readonly privateKey: KeyObject
  readonly jwk: Record<string, unknown>
}

/** The identifier that an Ed25519 or P-256 key is. */
export function didKeyOf(publicKey: KeyObject): string {
  const { kty, x, y } = publicKey.export({ format: 'jwk' })
  const bytes = (text: string): number[] => [...Buffer.from(text, 'base64url')]
  const encoded = kty === 'OKP' ? [0xed, 0x01, ...bytes(x!)] : [0x80, 0x24, 2 + (bytes(y!).at(-1)! & 1), ...bytes(x!)]
  return `did:key:z${base58.encode(Uint8Array.from(encoded))}`
}

export function newHolder(alg: Holder['alg'] = 'EdDSA', did?: string): Holder {
  const { privateKey, publicKey } =
    alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  const own = did ?? didKeyOf(publicKey)
  const kid = `${own}#${did === undefined ? own.slice('did:key:'.length) : 'key-1'}`
  return { alg, did: own, kid, privateKey, jwk: publicKey.export({ format: 'jwk' }) as Record<string, unknown> }
}

/** The did:web document of these, for both relationships. */
export function documentOf(...holders: Holder[]): Record<string, unknown> {
  const methods = holders.map(({ did, kid, jwk }) => ({ id: kid, type: 'JsonWebKey', controller: did, publicKeyJwk: jwk }))
  const ids = methods.map(({ id }) => id)
  return { id: holders[0]!.did, verificationMethod: methods, authentication: ids, assertionMethod: ids }
}

const defined = (members: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

/** Members that are undefined are left out. */
export function signJwt({ alg, kid, privateKey }: Omit<Holder, 'did' | 'jwk'>, claims: object, header: object = {}): string {
  const signed = `${encode(defined({ alg, kid, ...header }))}.${encode(defined(claims))}`
  const key = createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const signature = sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

export function signProof(
  holder: Holder,
  { audience, nonce, now }: { audience: string; nonce: string; now: number },
  change: object = {},
  header: object = {},
): string {
  const claims = { iss: holder.did, sub: holder.did, aud: audience, nonce, iat: now, exp: now + 120, ...change }
  return signJwt(holder, claims, { typ: 'mayfly-did-proof+jwt', ...header })
}

export function signCredential(issuer: Holder, subject: string, now: number, change: object = {}, header: object = {}): string {
  const credential = {
    '@context': ['https://www.w3.org/ns/credentials/v2'],
    type: ['VerifiableCredential', 'AgentCredential'],
    issuer: issuer.did,
    validFrom: new Date((now - 3600) * 1000).toISOString(),
    validUntil: new Date((now + 3600) * 1000).toISOString(),
    credentialSubject: { id: subject },
    ...change,
  }
  return signJwt(issuer, credential, { typ: 'vc+jwt', ...header })
}
