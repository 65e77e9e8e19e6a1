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
  console: 'mfw',
  claim: 'mfc',
  join: 'mfj',
  account: 'mfa',
  receiver: 'mfe',
} as const

export type SecretKind = keyof typeof secretPrefixes

const checksum = (body: string): string => crc32(body).toString(16).padStart(8, '0')

/** `mfo_<43 base64url characters>_<8 hex digits>`. */
export function newSecret(kind: SecretKind): string {
  return withChecksum(`${secretPrefixes[kind]}_${randomText(32)}`)
}

/** A secret of bytes that were made elsewhere: 32 of them. */
export function secretOf(kind: SecretKind, bytes: Buffer): string {
  if (bytes.length !== 32) throw new RangeError('a secret has 32 bytes')
  return withChecksum(`${secretPrefixes[kind]}_${bytes.toString('base64url')}`)
}

/** The 32 bytes inside; undefined: no secret of that kind. */
export function bytesOfSecret(kind: SecretKind, text: string): Buffer | undefined {
  return isSecret(kind, text) ? Buffer.from(text.slice(secretPrefixes[kind].length + 1, -9), 'base64url') : undefined
}

/**
 * A claim secret names its account behind the random bits (22 more characters), so that the account is found by its own key
 * and needs no index for this. It is as random as any other. accountId: uuid.
 */
export function newClaimSecret(accountId: string): string {
  const account = Buffer.from(accountId.replaceAll('-', ''), 'hex').toString('base64url')
  return withChecksum(`${secretPrefixes.claim}_${randomText(32)}${account}`)
}

/** The 32 hex digits of the account that a claim secret names; undefined for anything else. */
export function accountHexOfClaim(text: string): string | undefined {
  if (text.length !== claimSecretLength || !isSecret('claim', text)) return undefined
  return Buffer.from(text.slice(-accountChars - 9, -9), 'base64url').toString('hex')
}

const accountChars = 22
const claimSecretLength = 4 + 43 + accountChars + 9

const withChecksum = (body: string): string => `${body}_${checksum(body)}`

/** SHA-256 of the whole secret, 32 bytes: what is stored. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Whether the text has the form and checksum of a secret of that kind. Says nothing about whether it is known. */
export function isSecret(kind: SecretKind, text: string): boolean {
  const form = kind === 'claim' ? '[A-Za-z0-9_-]{43}(?:[A-Za-z0-9_-]{22})?' : '[A-Za-z0-9_-]{43}'
  if (!new RegExp(`^${secretPrefixes[kind]}_${form}_[0-9a-f]{8}$`).test(text)) return false
  return checksum(text.slice(0, -9)) === text.slice(-8)
}

/** One of our secrets inside a longer text, for redaction: also where it is glued to other letters. */
export const secretPattern: RegExp = /mf[aborcsjwe]_[A-Za-z0-9_-]{43}(?:[A-Za-z0-9_-]{22})?_[0-9a-f]{8}/g

/** Compares two hashes in constant time; false when their lengths differ. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
