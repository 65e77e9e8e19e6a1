// The code that the agent shows and whoever claims types. It goes another way than the link, so whoever has only come by the
// link has not got it. Letters that are hard to mistake, none of them a vowel, as RFC 8628 § 6.1 has it: 20⁸ codes, five tries.

import { randomInt } from 'node:crypto'
import { deriveMac } from '#core/ids/derive-mac.ts'

const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const length = 8

export const codeAttempts = 5
export const codeTtlSeconds = 600

/** `BCDF-GHJK` */
export function newClaimCode(): string {
  const code = Array.from({ length }, () => letters[randomInt(letters.length)]).join('')
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** Its letters, however they were typed: small, with other dashes, with spaces; undefined when they are not eight of ours. */
export function readClaimCode(text: string): string | undefined {
  const code = text.toUpperCase().replace(/[\s\p{Pd}]/gu, '')
  return code.length === length && [...code].every(letter => letters.includes(letter)) ? code : undefined
}

/** secret: at least 32 bytes, the same in all replicas. The MAC is what is stored: a dump of the database holds no code. */
export function createCodeMac(secret: Uint8Array): (accountId: string, code: string) => Buffer {
  const mac = deriveMac(secret, 'mayfly claim code')
  return (accountId, code) => mac(accountId, '\0', readClaimCode(code) ?? '')
}
