import { createPublicKey, verify } from 'node:crypto'
import { createVerifier } from 'fast-jwt'

/** Checks the signature of a compact JWS; throws when it does not verify. */
export type CheckSignature = (token: string) => unknown

/** Checks tokens with one key (SPKI, PEM) and algorithm. Resolves when the signature verifies, rejects when it does not. */
export type VerifySignature = (pem: string, alg: string, token: string) => Promise<void>

/**
 * fast-jwt checks the signature; all claims are checked by us, on the database's clock. It knows Ed25519 by its older name
 * only. Throws when the key does not fit the algorithm.
 */
export function createSignatureCheck(pem: string, alg: string): CheckSignature {
  if (alg === 'Ed25519') return ed25519Check(pem)
  return createVerifier({
    key: pem,
    algorithms: [alg as 'ES256'],
    cache: false,
    ignoreExpiration: true,
    ignoreNotBefore: true,
  }) as CheckSignature
}

function ed25519Check(pem: string): CheckSignature {
  const key = createPublicKey(pem)
  return token => {
    const dot = token.lastIndexOf('.')
    if (!verify(null, Buffer.from(token.slice(0, dot)), key, Buffer.from(token.slice(dot + 1), 'base64url')))
      throw new Error('the signature does not verify')
  }
}

/** On the calling thread. `verifying-thread.ts` has the one for load. */
export const verifyHere: VerifySignature = async (pem, alg, token) => {
  createSignatureCheck(pem, alg)(token)
}
