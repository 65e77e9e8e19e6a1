// Keys that the operator vouches for one by one, in the agents' rules: a self-signed client certificate by its thumbprint
// (RFC 8705 § 2.2), or a public key for client assertions and DPoP.

import { createPublicKey } from 'node:crypto'
import { decodeBase64url } from '#core/jwt/base64url.ts'
import { holdsPrivateKey } from '#core/jwt/private-members.ts'
import { isStrongKey } from '#core/subject/strong-key.ts'
import type { CheckedTrustSource, Complain, TrustSourceKind } from './trust-source-kind.ts'

export interface PinnedTrustSource {
  readonly kind: 'pinned'
  readonly id: string
  readonly name: string
}

export interface PinnedInput {
  readonly kind: 'pinned'
  readonly name: string
}

export interface PinnedRule {
  /** Exactly one of both. x5t#S256: base64url of SHA-256 over the certificate's DER. */
  readonly certificate_thumbprint?: string
  /** RFC 7517, public, in the form that Node writes. */
  readonly jwk?: Readonly<Record<string, unknown>>
}

const members = ['certificate_thumbprint', 'jwk'] as const

export const pinnedKind: TrustSourceKind<PinnedInput, PinnedTrustSource, PinnedRule> = {
  kind: 'pinned',
  ruleMembers: members,
  ruleHint: 'The trust source is a list of keys: use certificate_thumbprint or jwk.',
  validate: ({ kind, name }): CheckedTrustSource => ({
    values: { name, kind, issuer: null, audience: null, config: {} },
    problems: [],
  }),
  toSource: ({ id, name }) => ({ kind: 'pinned', id, name }),
  checkRule,
}

function checkRule({ certificate_thumbprint, jwk }: PinnedRule, complain: Complain): PinnedRule {
  if ((certificate_thumbprint === undefined) === (jwk === undefined)) complain('', `Give exactly one of ${members.join(', ')}.`)
  if (certificate_thumbprint !== undefined && !isThumbprint(certificate_thumbprint))
    complain('/certificate_thumbprint', 'Write the SHA-256 of the certificate’s DER in base64url: 43 characters.')
  const key = jwk && readPublicJwk(jwk)
  if (typeof key === 'string') complain('/jwk', key)
  return {
    ...(certificate_thumbprint !== undefined && { certificate_thumbprint }),
    ...(typeof key === 'object' && { jwk: key }),
  }
}

/** One spelling only: the last character has two bits that must be zero. */
const isThumbprint = (text: string): boolean => decodeBase64url(text)?.length === 32

const told = ['kid', 'alg', 'use', 'key_ops'] as const

/** The key in the one form that its thumbprint is made of, with what it says of itself; or why it is none, as a sentence. */
function readPublicJwk(jwk: Readonly<Record<string, unknown>>): Record<string, unknown> | string {
  if (holdsPrivateKey(jwk)) return 'This holds a private key. Send the public key only, and replace that key.'
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    if (!isStrongKey(key)) return 'Keys are RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519.'
    if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return 'Its use must be sig.'
    const kept = told.filter(member => jwk[member] !== undefined).map(member => [member, jwk[member]])
    return { ...key.export({ format: 'jwk' }), ...Object.fromEntries(kept) }
  } catch {
    return 'This is not a readable public key (RFC 7517).'
  }
}
