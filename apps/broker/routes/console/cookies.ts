// Two cookies, both with every flag: `__Host-` ties them to this very host over TLS, HttpOnly keeps them from scripts. The session
// is SameSite=Strict: no other site's link or form ever carries it. The one of a sign-in under way must come along when the
// provider sends the browser back, so it is Lax; it opens nothing.

import type { IncomingHttpHeaders } from 'node:http'
import { deriveMac, macBytes } from '#core/ids/derive-mac.ts'
import { sameHash } from '#core/ids/secret.ts'

const sessionCookie = '__Host-mayfly'
const signInCookie = '__Host-mayfly-sign-in'
const signInSeconds = 600

/** A sign-in under way. ids: uuids. */
export interface PendingSignIn {
  readonly tenantId: string
  readonly providerId: string
  readonly state: string
  readonly nonce: string
  /** PKCE (RFC 7636). */
  readonly verifier: string
  /** Below the tenant's issuer. */
  readonly returnTo: string
}

/** The secret of a browser's session, as it was sent; undefined: none, or more than one. */
export const readSessionCookie = (headers: IncomingHttpHeaders): string | undefined => readCookie(headers, sessionCookie)

export const setSession = (secret: string, ttlSeconds: number): string =>
  `${sessionCookie}=${secret}; Path=/; Max-Age=${ttlSeconds}; Secure; HttpOnly; SameSite=Strict`

export const clearSession = `${sessionCookie}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict`

export interface SignInCookies {
  set(pending: PendingSignIn, nowMs: number): string
  /** Undefined: none, another deployment's, changed, or too old. */
  read(headers: IncomingHttpHeaders, nowMs: number): PendingSignIn | undefined
  readonly clear: string
}

/** secret: at least 32 bytes, the same in all replicas, so that another one may finish what this one began. */
export function createSignInCookies(secret: Uint8Array): SignInCookies {
  const mac = deriveMac(secret, 'mayfly console sign-in')
  return {
    set(pending, nowMs) {
      const until = Math.floor(nowMs / 1000) + signInSeconds
      const text = Buffer.from(JSON.stringify({ ...pending, until }))
      const value = Buffer.concat([mac(text), text]).toString('base64url')
      return `${signInCookie}=${value}; Path=/; Max-Age=${signInSeconds}; Secure; HttpOnly; SameSite=Lax`
    },
    read(headers, nowMs) {
      const value = readCookie(headers, signInCookie)
      if (value === undefined) return undefined
      const bytes = Buffer.from(value, 'base64url')
      const text = bytes.subarray(macBytes)
      if (!sameHash(bytes.subarray(0, macBytes), mac(text))) return undefined
      const { until, ...pending } = JSON.parse(text.toString('utf8')) as PendingSignIn & { until: number }
      return until * 1000 > nowMs ? pending : undefined
    },
    clear: `${signInCookie}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax`,
  }
}

function readCookie({ cookie }: IncomingHttpHeaders, name: string): string | undefined {
  const found = (cookie ?? '').split(/; ?/).filter(pair => pair.startsWith(`${name}=`))
  const value = found.length === 1 ? found[0]!.slice(name.length + 1) : ''
  return /^[A-Za-z0-9_-]{1,4096}$/.test(value) ? value : undefined
}
