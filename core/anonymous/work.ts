// The work itself: find a solution for which
//
//   SHA-256( challenge "." binding "." solution )    begins with as many zero bits as the challenge asks for
//
// where binding is base64url(SHA-256(key \n task_id \n resource \n scope \n authorization_details)), key the thumbprint of the key
// that the request proves (RFC 7638, or RFC 8705's x5t#S256) and the others as the request sends them, empty where it does not.
// So work that was done for one request, and by one key, is good for no other.

import { hash } from 'node:crypto'

export interface WorkSubject {
  /** base64url. */
  readonly keyThumbprint: string
  readonly taskId: string | undefined
  readonly resource: string | undefined
  readonly scope: string | undefined
  readonly authorizationDetails: string | undefined
}

/** 43 characters of base64url. */
export function workBinding({ keyThumbprint, taskId, resource, scope, authorizationDetails }: WorkSubject): string {
  const lines = [keyThumbprint, taskId ?? '', resource ?? '', scope ?? '', authorizationDetails ?? '']
  return hash('sha256', lines.join('\n'), 'base64url')
}

export function isSolved(challenge: string, binding: string, solution: string, bits: number): boolean {
  return leadingZeroBits(hash('sha256', `${challenge}.${binding}.${solution}`, 'buffer')) >= bits
}

export function leadingZeroBits(bytes: Uint8Array): number {
  let bits = 0
  for (const byte of bytes) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24
    bits += 8
  }
  return bits
}
