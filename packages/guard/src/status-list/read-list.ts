// A Token Status List from its text (draft-ietf-oauth-status-list-21 §§ 4, 5.1, 8.3). It is believed only where the issuer's key
// signed it as a list, for the very address that it was read from.

import { inflateSync } from 'node:zlib'
import type { FindKey } from '../broker/key-source.ts'
import { verifySignature } from '../token/algorithms.ts'
import { decodeBase64url } from '../token/base64url.ts'
import { decodeJws } from '../token/compact-jws.ts'
import { isRecord, parseStrictObject } from '../token/strict-json.ts'

/** Longest list that is looked at, in characters, and unpacked, in bytes: 2^20 tokens at one bit each. */
export const maxListChars = 512 * 1024
const maxListBytes = 128 * 1024

/** A list that was verified. Times are seconds since the epoch. */
export interface StatusList {
  readonly bits: number
  readonly bytes: Buffer
  readonly issuedAt: number
  readonly expiresAt: number
  readonly ttlSeconds: number
}

/** Undefined for whatever is not the issuer's list of this address. Throws where the issuer's keys cannot be had. */
export async function readList(text: string, uri: string, findKey: FindKey): Promise<StatusList | undefined> {
  const jws = decodeJws(text, { maxChars: maxListChars, maxHeaderChars: 1024 })
  if (typeof jws === 'string') return undefined
  const { alg, kid, typ, ...others } = jws.header
  // Nothing else may stand there: it would choose the key or change how the payload is read.
  if (typ !== 'statuslist+jwt' || typeof kid !== 'string' || Object.keys(others).length > 0) return undefined
  const key = await findKey(kid)
  if (!key || key.algorithm !== alg || !verifySignature(key, jws.signingInput, jws.signature)) return undefined
  const claims = parseStrictObject(jws.payload)
  return claims?.['sub'] === uri ? parseList(claims) : undefined
}

function parseList({ iat, exp, ttl, status_list: list }: Readonly<Record<string, unknown>>): StatusList | undefined {
  if (!isTime(iat) || !isTime(exp) || !isTime(ttl) || !isRecord(list)) return undefined
  const { bits, lst } = list
  if (typeof bits !== 'number' || ![1, 2, 4, 8].includes(bits) || typeof lst !== 'string') return undefined
  const bytes = unpack(lst)
  return bytes && { bits, bytes, issuedAt: iat, expiresAt: exp, ttlSeconds: ttl }
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0

function unpack(lst: string): Buffer | undefined {
  const packed = decodeBase64url(lst)
  try {
    return packed && inflateSync(packed, { maxOutputLength: maxListBytes })
  } catch {
    return undefined
  }
}

/** What stands at a place, 0 for valid; undefined beyond the end. The first place is in the lowest bits of the first byte (§ 4.1). */
export function statusAt({ bits, bytes }: Pick<StatusList, 'bits' | 'bytes'>, idx: number): number | undefined {
  const at = idx * bits
  const byte = bytes[Math.floor(at / 8)]
  return byte === undefined ? undefined : (byte >> (at % 8)) & (2 ** bits - 1)
}
