// The one parser of compact JWS (RFC 7515 § 7.1) for tokens of others. It decides nothing: it turns untrusted text into a
// header and a payload that were read without ambiguity, or says what is wrong. RFC 8725 §§ 2.4, 3.

import { isJsonObject } from '#core/json/is-json-object.ts'
import { parseStrictJson } from '#core/json/parse-strict.ts'
import { decodeBase64url } from './base64url.ts'

export interface ParsedJwt {
  readonly header: Readonly<Record<string, unknown>> & {
    readonly alg: string
    readonly kid: string | undefined
    readonly typ: string | undefined
  }
  readonly payload: Readonly<Record<string, unknown>>
  /** What the signature is over: `header.payload` in base64url. */
  readonly signed: string
  readonly signature: Buffer
}

/** A JWT beside the text that it was read from. */
export interface ReadJwt {
  readonly token: string
  readonly jwt: ParsedJwt
}

export type ParseJwtResult = { readonly ok: true; readonly jwt: ParsedJwt } | { readonly ok: false; readonly reason: string }

const maxLength = 16 * 1024

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value = parseStrictJson(text, { numbers: 'any' })
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const no = (reason: string): ParseJwtResult => ({ ok: false, reason })

/** Never throws. Headers that would choose a key or change how the token is read (`jku x5u jwk x5c` apart) are refused or ignored. */
export function parseCompactJwt(text: string): ParseJwtResult {
  if (text.length > maxLength) return no('it is longer than 16 KiB')
  const parts = text.split('.')
  if (parts.length !== 3) return no('it is not a signed JWT of three parts')
  const [headerBytes, payloadBytes, signature] = parts.map(decodeBase64url)
  if (!headerBytes || !payloadBytes || !signature) return no('a part is not base64url')
  const header = parseObject(headerBytes)
  if (!header) return no('its header is not a JSON object without doubled members')
  const payload = parseObject(payloadBytes)
  if (!payload) return no('its payload is not a JSON object without doubled members')
  const { alg, kid, typ } = header
  if (typeof alg !== 'string') return no('its header names no algorithm')
  if (kid !== undefined && typeof kid !== 'string') return no('its kid is not a string')
  if (typ !== undefined && typeof typ !== 'string') return no('its typ is not a string')
  for (const name of ['crit', 'b64', 'zip', 'enc', 'p2c'])
    if (name in header) return no(`its header holds ${name}, which is not accepted`)
  return { ok: true, jwt: { header: { ...header, alg, kid, typ }, payload, signed: `${parts[0]}.${parts[1]}`, signature } }
}
