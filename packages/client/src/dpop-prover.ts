// DPoP (RFC 9449): for each request a proof that the client holds the key that its tokens are bound to. Servers may want a nonce of
// theirs in it; the newest one of each origin is kept (§ 8.2).

import { hash, randomUUID } from 'node:crypto'
import type { SigningKey } from './signing-key.ts'

/** Origins whose nonce is kept. */
const maxOrigins = 100
/** RFC 9449 § 8.1: the characters of a nonce. Longer ones would not fit into a header anyway. */
const nonceGrammar = /^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$/

/** The value of a `DPoP` header, and the nonce in it. */
export interface Proof {
  readonly header: string
  readonly nonce: string | undefined
}

/** Makes proofs with one key. */
export class DpopProver {
  readonly #key: SigningKey
  readonly #nonces = new Map<string, string>()

  constructor(key: SigningKey) {
    this.#key = key
  }

  /** The public half of its key (RFC 7517). */
  get publicJwk(): Readonly<Record<string, unknown>> {
    return this.#key.publicJwk
  }

  /** A proof for one request, good once. accessToken: the token that it is sent with, to a resource. */
  prove(method: string, url: URL, accessToken?: string): Proof {
    const nonce = this.#nonces.get(url.origin)
    const claims = {
      jti: randomUUID(),
      htm: method,
      htu: `${url.origin}${url.pathname}`,
      iat: Math.floor(Date.now() / 1000),
      ...(accessToken === undefined ? {} : { ath: hash('sha256', accessToken, 'base64url') }),
      ...(nonce === undefined ? {} : { nonce }),
    }
    return { header: this.#key.sign({ typ: 'dpop+jwt', jwk: this.#key.publicJwk }, claims), nonce }
  }

  /** Keeps the nonce that a server sent, if it did. Whether it is another one than in the proof that it answers. */
  learn(url: URL, nonce: string | null | undefined, sent: Proof): boolean {
    if (typeof nonce !== 'string' || !nonceGrammar.test(nonce)) return false
    this.#nonces.delete(url.origin)
    this.#nonces.set(url.origin, nonce)
    if (this.#nonces.size > maxOrigins) this.#dropOldest()
    return nonce !== sent.nonce
  }

  #dropOldest(): void {
    for (const [origin] of this.#nonces) {
      this.#nonces.delete(origin)
      return
    }
  }
}

/** Whether a resource refused a request for want of its nonce (RFC 9449 § 9). */
export function wantsNonce(status: number, wwwAuthenticate: string | null): boolean {
  return status === 401 && wwwAuthenticate !== null && /\bDPoP\b[\s\S]*\berror="?use_dpop_nonce"?/i.test(wwwAuthenticate)
}
