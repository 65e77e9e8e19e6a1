// A DPoP proof (RFC 9449 § 4): a JWT that a client makes for one request, signed with the key that its token is or will be
// bound to. Each line of § 4.3 is a line here; the last one, that it is used once, needs memory and is left to the caller.

import { hash, timingSafeEqual } from 'node:crypto'
import { type ParsedJwt, parseCompactJwt } from '#core/jwt/parse-compact.ts'
import { leewaySeconds } from '#core/time/leeway-seconds.ts'
import type { DpopNonces } from './nonces.ts'
import { holdsSignature, readProofKey } from './proof-key.ts'
import { normaliseTarget } from './target-uri.ts'

/** What the proof must be for. */
export interface ExpectedProof {
  readonly method: string
  /** The configured origin and the path, no query; never from `Host`. */
  readonly url: string
  /** The database's clock. */
  readonly nowMs: number
  /** Where there are any, a nonce in the proof must be one of them. */
  readonly nonces?: DpopNonces | undefined
  /** Whether the proof must have a nonce. */
  readonly requireNonce: boolean
  /** At a protected resource: the token that the proof comes with, for `ath`. */
  readonly accessToken?: string | undefined
}

export interface GoodProof {
  readonly ok: true
  /** RFC 7638 thumbprint of the key: what a token is bound to by `cnf.jkt`. */
  readonly jkt: string
  readonly jti: string
  readonly iatSeconds: number
  /** What must not come twice: the key and its `jti`. */
  readonly use: readonly string[]
  /** Until when `use` must be remembered; then the proof itself is too old. Seconds since the epoch. */
  readonly expiresSeconds: number
}

/** `reason` is a fixed word for logs and counters, `hint` a sentence for the caller. Neither quotes the proof. */
export interface BadProof {
  readonly ok: false
  readonly code: 'invalid_dpop_proof' | 'use_dpop_nonce'
  readonly reason: string
  readonly hint: string
}

/** How old a proof may be. */
const proofAgeSeconds = 60

/** The largest honest one, with an RSA key and signature of 4096 bits, has some 2,500 characters. */
const maxLength = 8192
const maxJtiLength = 256

/**
 * Verifies the value of a `DPoP` header. Two headers must not come here as one: Node joins them with a comma, which is
 * refused as malformed. Never throws, never rejects.
 */
export async function verifyDpopProof(proof: string, expected: ExpectedProof): Promise<GoodProof | BadProof> {
  if (proof.length > maxLength) return refuse('malformed_proof', 'it is too long')
  const parsed = parseCompactJwt(proof)
  if (!parsed.ok) return refuse('malformed_proof', parsed.reason)
  const { jwt } = parsed
  if (jwt.header.typ !== 'dpop+jwt') return refuse('wrong_typ', 'its typ must be dpop+jwt')
  const fault = checkRequest(jwt, expected) ?? checkTime(jwt, expected.nowMs / 1000) ?? checkNonce(jwt, expected)
  if (fault) return fault
  const { jti, iat } = jwt.payload
  if (typeof jti !== 'string' || jti === '' || jti.length > maxJtiLength)
    return refuse('missing_claim', `its jti must be text of at most ${maxJtiLength} characters`)
  const key = readProofKey(jwt.header.alg, jwt.header['jwk'])
  if (typeof key === 'string') return refuse('key_refused', key)
  if (!(await holdsSignature(key, jwt.signed, jwt.signature))) return refuse('bad_signature', 'its signature does not verify')
  const iatSeconds = iat as number
  return { ok: true, jkt: key.jkt, jti, iatSeconds, use: [key.jkt, jti], expiresSeconds: iatSeconds + proofAgeSeconds }
}

function checkRequest({ payload }: ParsedJwt, { method, url, accessToken }: ExpectedProof): BadProof | undefined {
  const { htm, htu, ath } = payload
  if (htm !== method) return refuse('wrong_method', 'its htm is not the method of this request')
  if (typeof htu !== 'string' || !isSameTarget(htu, url)) return refuse('wrong_target', 'its htu is not the URL of this request')
  if (accessToken !== undefined && !isHashOf(ath, accessToken))
    return refuse('wrong_token', 'its ath is not the hash of this access token')
  return undefined
}

function isSameTarget(htu: string, url: string): boolean {
  if (htu === url) return true
  const target = normaliseTarget(htu)
  return target !== undefined && target === normaliseTarget(url)
}

function isHashOf(ath: unknown, accessToken: string): boolean {
  const expected = Buffer.from(hash('sha256', accessToken, 'base64url'))
  const given = Buffer.from(typeof ath === 'string' ? ath : '')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function checkTime({ payload }: ParsedJwt, nowSeconds: number): BadProof | undefined {
  const { iat } = payload
  if (typeof iat !== 'number') return refuse('missing_claim', 'it has no iat')
  // Each written so that a time that is no number refuses.
  if (!(iat <= nowSeconds + leewaySeconds)) return refuse('issued_in_future', 'its iat lies in the future; check your clock')
  if (!(iat > nowSeconds - proofAgeSeconds))
    return refuse('too_old', `its iat is more than ${proofAgeSeconds} seconds ago; make a new proof for each request`)
  return undefined
}

function checkNonce({ payload }: ParsedJwt, { nonces, requireNonce, nowMs }: ExpectedProof): BadProof | undefined {
  const { nonce } = payload
  if (nonce === undefined ? !requireNonce : !nonces && !requireNonce) return undefined
  if (typeof nonce === 'string' && nonces?.accepts(nonce, nowMs)) return undefined
  const hint = 'Make a new DPoP proof with the nonce of the DPoP-Nonce header.'
  return { ok: false, code: 'use_dpop_nonce', reason: nonce === undefined ? 'nonce_missing' : 'nonce_refused', hint }
}

const refuse = (reason: string, fault: string): BadProof => ({
  ok: false,
  code: 'invalid_dpop_proof',
  reason,
  hint: `The DPoP proof is refused: ${fault}.`,
})
