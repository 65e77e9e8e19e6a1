// Secrets carry a prefix that names what they open and a checksum, so that scanners recognise a leaked one and a typing
// error is told from a wrong secret. They are stored as SHA-256 only; 256 random bits need no slow hash.

import { createHash, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { randomText } from './random.ts'

export const secretPrefixes = {
  bootstrap: 'mfb',
  operator: 'mfo',
  resource: 'mfr',
  session: 'mfs',
  claim: 'mfc',
  join: 'mfj',
} as const

export type SecretKind = keyof typeof secretPrefixes

const checksum = (body: string): string => crc32(body).toString(16).padStart(8, '0')

/** `mfo_<43 base64url characters>_<8 hex digits>`. */
export function newSecret(kind: SecretKind): string {
  const body = `${secretPrefixes[kind]}_${randomText(32)}`
  return `${body}_${checksum(body)}`
}

/** SHA-256 of the whole secret, 32 bytes: what is stored. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Whether the text has the form and checksum of a secret of that kind. Says nothing about whether it is known. */
export function isSecret(kind: SecretKind, text: string): boolean {
  if (!new RegExp(`^${secretPrefixes[kind]}_[A-Za-z0-9_-]{43}_[0-9a-f]{8}$`).test(text)) return false
  return checksum(text.slice(0, -9)) === text.slice(-8)
}

/** One of our secrets inside a longer text, for redaction: also where it is glued to other letters. */
export const secretPattern: RegExp = /mf[borcsj]_[A-Za-z0-9_-]{43}_[0-9a-f]{8}/g

/** Compares two hashes in constant time; false when their lengths differ. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
