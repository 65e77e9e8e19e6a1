// What the story did, and which trace of it the audit log must therefore hold.

import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'

export type Evidence =
  | { readonly step: string; readonly kind: 'issued'; readonly token: string }
  /** Refused at `/token`. */
  | { readonly step: string; readonly kind: 'denied'; readonly code: string; readonly reason: string }
  /** Let in or refused by a guard. */
  | { readonly step: string; readonly kind: 'decision'; readonly token: string; readonly reason: string }
  /** What became of an account; its id as on the wire. */
  | { readonly step: string; readonly kind: 'event'; readonly type: `account.${string}`; readonly account: string }

export type Claims = Readonly<Record<string, unknown>> & { readonly jti: string; readonly evt: string; readonly exp: number }

/** The payload of a task token, unverified: here its own issuer reads it. */
export function readClaims(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as Claims
}

/** SHA-256 of the canonical claims without the receipt (RFC 8785), base64url: what the leaf of the token's issuance names. */
export function claimsHash({ evt: _, ...claims }: Claims): string {
  return hash('sha256', canonicalize(claims) ?? '', 'base64url')
}

/** RFC 6962 § 2.1, base64url: what `evt` names. */
export const leafHash = (leaf: string): string => hash('sha256', `\0${leaf}`, 'base64url')
