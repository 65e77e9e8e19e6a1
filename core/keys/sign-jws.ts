import { type KeyObject, sign } from 'node:crypto'

/** Makes the compact JWS (RFC 7515 § 7.1) of a header in base64url and a payload, text of one line, with SHA-256. */
export type SignJws = (key: KeyObject, header: string, payload: string) => Promise<string>

/** On the calling thread. `signing-thread.ts` has the one for load. */
export const signHere: SignJws = async (key, header, payload) => signJws(key, header, payload)

/** ECDSA as r ‖ s (RFC 7518 § 3.4). */
export function signJws(key: KeyObject, header: string, payload: string): string {
  const options = key.asymmetricKeyType === 'ec' ? ({ key, dsaEncoding: 'ieee-p1363' } as const) : { key }
  const input = `${header}.${Buffer.from(payload).toString('base64url')}`
  return `${input}.${sign('sha256', Buffer.from(input, 'latin1'), options).toString('base64url')}`
}
