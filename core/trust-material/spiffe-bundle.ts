// A SPIFFE bundle (SPIFFE Trust Domain and Bundle § 4): a JWK Set whose keys say by `use` what they vouch for.

import { X509Certificate } from 'node:crypto'
import { type IssuerKey, readIssuerKeys } from '#core/subject/issuer-key.ts'
import { type VerifySignature, verifyHere } from '#core/subject/signature-verifier.ts'

export interface SpiffeBundle {
  /** Of keys with `use: x509-svid`: what chains of X.509-SVIDs end in. */
  readonly authorities: readonly X509Certificate[]
  /** Of keys with `use: jwt-svid`, by kid. */
  readonly jwtKeys: ReadonlyMap<string, readonly IssuerKey[]>
  readonly refreshHintSeconds: number | undefined
}

export interface ReadBundle {
  readonly bundle: SpiffeBundle
  /** What in it cannot be used, as sentences. Keys for other uses are passed over without one (§ 4.2.2). */
  readonly faults: readonly string[]
}

const maxKeys = 64

/** Throws when the document is no JWK Set. verify: where signatures of JWT-SVIDs are checked. */
export function readSpiffeBundle(document: unknown, verify: VerifySignature = verifyHere): ReadBundle {
  const { keys, spiffe_refresh_hint: hint } = (document ?? {}) as { keys?: unknown; spiffe_refresh_hint?: unknown }
  if (!Array.isArray(keys)) throw new Error('It is no JWK Set: it has no keys.')
  if (keys.length > maxKeys) throw new Error(`It has more than ${maxKeys} keys.`)
  const authorities: X509Certificate[] = []
  const jwtKeys = new Map<string, IssuerKey[]>()
  const faults: string[] = []
  for (const [i, jwk] of (keys as (Record<string, unknown> | null)[]).entries()) {
    if (jwk?.['use'] === 'x509-svid') {
      const authority = readAuthority(jwk['x5c'])
      if (typeof authority === 'string') faults.push(`keys/${i}: ${authority}`)
      else authorities.push(authority)
    }
    if (jwk?.['use'] === 'jwt-svid') {
      const read = readIssuerKeys(jwk, verify)
      if (typeof jwk['kid'] !== 'string' || read.length === 0) faults.push(`keys/${i}: This is no public key with a kid.`)
      else jwtKeys.set(jwk['kid'], [...(jwtKeys.get(jwk['kid']) ?? []), ...read])
    }
  }
  const refreshHintSeconds = typeof hint === 'number' && hint > 0 ? hint : undefined
  return { bundle: { authorities, jwtKeys, refreshHintSeconds }, faults }
}

/** § 4.2.3: x5c holds the authority's certificate and nothing else. */
function readAuthority(x5c: unknown): X509Certificate | string {
  if (!Array.isArray(x5c) || x5c.length !== 1 || typeof x5c[0] !== 'string') return 'x5c must hold exactly one certificate.'
  try {
    const certificate = new X509Certificate(Buffer.from(x5c[0], 'base64'))
    return certificate.ca ? certificate : 'The certificate in x5c is not one of a certificate authority (CA=TRUE).'
  } catch {
    return 'x5c holds no readable certificate.'
  }
}
