// A stranger: nobody registered it at the broker, so it does some work to get an account. The work is bound to the key that the
// request proves and to what the request asks for, and is good once.

import { hash, X509Certificate } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Agent } from 'undici'
import { type ClientCertificate, send } from './broker-connection.ts'
import { MayflyError } from './mayfly-error.ts'

/** Beyond it nobody waits: minutes of a processor. */
const mostBits = 28
/** Tries between two looks at what else there is to do. */
const slice = 10_000

/** What the work is asked for and done with. */
export interface WorkOptions {
  readonly issuer: string
  /** Of the key that the request proves, base64url. */
  readonly thumbprint: string
  /** As it will be sent. */
  readonly form: URLSearchParams
  readonly dispatcher: Agent
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** Asks for a challenge, solves it and gives what the request adds. Throws a MayflyError where the broker takes no strangers. */
export async function doWork(options: WorkOptions): Promise<Record<string, string>> {
  const { issuer, thumbprint, form, dispatcher, timeoutMs, signal } = options
  const { status, body, retryAfterSeconds } = await send(
    `${issuer}/anonymous/challenge`,
    { method: 'POST', headers: { accept: 'application/json' }, signal },
    dispatcher,
    timeoutMs,
  )
  const fail = (description: string) => new MayflyError({ error: 'invalid_challenge', description, status, retryAfterSeconds })
  const { challenge, difficulty, algorithm } = body ?? {}
  if (status !== 200) throw fail('the broker gives strangers no challenge')
  if (typeof challenge !== 'string' || typeof difficulty !== 'number' || algorithm !== 'sha-256')
    throw fail('the challenge cannot be read')
  if (difficulty > mostBits) throw fail('the broker asks for more work than is done here')
  const lines = [thumbprint, ...['task_id', 'resource', 'scope', 'authorization_details'].map(name => form.get(name) ?? '')]
  const prefix = `${challenge}.${hash('sha256', lines.join('\n'), 'base64url')}.`
  return { pow_challenge: challenge, pow_solution: await search(prefix, difficulty, signal) }
}

async function search(prefix: string, bits: number, signal: AbortSignal | undefined): Promise<string> {
  for (let i = 0; ; i++) {
    if (leadingZeroBits(hash('sha256', `${prefix}${i}`, 'buffer')) >= bits) return String(i)
    if (i % slice === 0) {
      await setImmediate()
      signal?.throwIfAborted()
    }
  }
}

function leadingZeroBits(bytes: Uint8Array): number {
  let bits = 0
  for (const byte of bytes) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24
    bits += 8
  }
  return bits
}

/** RFC 7638 § 3.2, RFC 8037 § 2. */
const members: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** RFC 7638, base64url. */
export function thumbprintOfJwk(jwk: Readonly<Record<string, unknown>>): string {
  const names = members[String(jwk['kty'])] ?? []
  return hash('sha256', JSON.stringify(Object.fromEntries(names.map(name => [name, jwk[name]]))), 'base64url')
}

/** RFC 8705 § 3.1, base64url. */
export function thumbprintOfCertificate({ cert }: ClientCertificate): string {
  return hash('sha256', new X509Certificate(cert).raw, 'base64url')
}
