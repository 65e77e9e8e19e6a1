// Takes a compact JWS apart without trusting any of it (RFC 7515 § 7.1, RFC 8725 §§ 3.1, 3.10). Every part must be canonical
// base64url: with loose decoding several texts carry one signature, and a changed token would still verify.

import { decodeBase64url } from './base64url.ts'
import { parseStrictObject } from './strict-json.ts'

/** Longest token that is looked at, in characters. */
const maxTokenChars = 16_384
const maxHeaderChars = 1024

/** A token taken apart; nothing of it is verified yet. */
export interface CompactJws {
  readonly header: { readonly alg: string; readonly kid: string; readonly typ: string }
  /** What the signature covers: `<header>.<payload>`. */
  readonly signingInput: string
  /** Decoded payload, still text. */
  readonly payload: string
  readonly signature: Buffer
}

export type JwsProblem = 'token_malformed' | 'token_too_large' | 'header_refused'

/**
 * Header members that would choose the key or change how the payload is read. A verifier that knows its issuer's keys
 * needs none of them, so their presence alone is refused.
 */
const refusedMembers = ['jku', 'jwk', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'crit', 'b64', 'zip', 'enc', 'p2c', 'p2s', 'epk', 'cty']

/** Key ids are plain names. What looks like a path, a query or an address is refused before anything is looked up. */
const kidPattern = /^[A-Za-z0-9._~-]{1,128}$/

/** Parses a task token's compact JWS. Never throws. */
export function parseCompactJws(token: string): CompactJws | JwsProblem {
  const jws = decodeJws(token, { maxChars: maxTokenChars, maxHeaderChars })
  if (typeof jws === 'string') return jws
  const { header, signingInput, payload, signature } = jws
  const { alg, kid, typ } = header
  if (typeof alg !== 'string' || typeof kid !== 'string' || typeof typ !== 'string') return 'header_refused'
  if (refusedMembers.some(name => Object.hasOwn(header, name)) || !kidPattern.test(kid)) return 'header_refused'
  return { header: { alg, kid, typ }, signingInput, payload, signature }
}

/** A compact JWS of any kind, its header as it stands. */
export interface DecodedJws {
  readonly header: Readonly<Record<string, unknown>>
  readonly signingInput: string
  readonly payload: string
  readonly signature: Buffer
}

/** Decodes a compact JWS without a word on what its header says. Never throws. */
export function decodeJws(
  text: string,
  limits: { readonly maxChars: number; readonly maxHeaderChars: number },
): DecodedJws | 'token_malformed' | 'token_too_large' {
  if (text.length > limits.maxChars) return 'token_too_large'
  const parts = text.split('.')
  if (parts.length !== 3) return 'token_malformed'
  const [head = '', body = '', sign = ''] = parts
  if (head.length > limits.maxHeaderChars) return 'token_too_large'
  const headerBytes = decodeBase64url(head)
  const payloadBytes = decodeBase64url(body)
  const signature = decodeBase64url(sign)
  if (!headerBytes || !payloadBytes || !signature) return 'token_malformed'
  const headerText = decodeUtf8(headerBytes)
  const payload = decodeUtf8(payloadBytes)
  const header = headerText === undefined ? undefined : parseStrictObject(headerText)
  if (!header || payload === undefined) return 'token_malformed'
  return { header, signingInput: `${head}.${body}`, payload, signature }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
