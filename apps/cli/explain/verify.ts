// Whether a token's signature is its issuer's. Keys are asked for only at issuers that somebody here trusts: which issuer a token
// names proves nothing, and a stranger's token must not send us anywhere.

import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose'
import { fetchIssuerKeys, type TrustedIssuer } from './issuer-keys.ts'

export interface Verification {
  readonly signature: 'verified' | 'wrong' | 'not verified'
  /** A sentence for people. */
  readonly why: string
  readonly kid?: string
}

/** Asymmetric ones only: RFC 8725 § 3.1. */
const algorithms = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512', 'EdDSA', 'Ed25519']

/** Never throws for what the token or the issuer is like. */
export async function verify(token: string, trusted: TrustedIssuer, signal: AbortSignal): Promise<Verification> {
  let keys: JSONWebKeySet
  try {
    keys = await fetchIssuerKeys(trusted, signal)
  } catch (error) {
    if (signal.aborted) throw error
    const reason = error instanceof Error ? error.message : 'no answer'
    return notVerified(`The keys of ${trusted.issuer} cannot be had: ${reason}.`)
  }
  try {
    const { protectedHeader } = await compactVerify(token, createLocalJWKSet(keys), { algorithms })
    const { alg, kid } = protectedHeader
    const why = `By ${trusted.issuer}, ${trusted.because}; ${alg}${kid === undefined ? '' : `, key ${kid}`}.`
    return { signature: 'verified', why, ...(kid !== undefined && { kid }) }
  } catch (error) {
    return { signature: 'wrong', why: whyWrong(error) }
  }
}

export const notVerified = (why: string): Verification => ({ signature: 'not verified', why })

function whyWrong(error: unknown): string {
  if (error instanceof errors.JWKSNoMatchingKey) return 'Its issuer has no such key, or has retired it.'
  if (error instanceof errors.JOSEAlgNotAllowed) return 'It is signed by an algorithm that nobody should accept.'
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return 'It was changed, or somebody else made it. Do not believe it.'
  return 'It cannot be verified as it stands.'
}
