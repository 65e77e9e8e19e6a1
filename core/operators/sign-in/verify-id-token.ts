// An ID token of a sign-in provider (OpenID Connect Core § 3.1.3.7), with every choice made the narrow way: one audience,
// which is ours; an asymmetric algorithm with a key that the issuer publishes; made for this very sign-in, minutes ago.

import { createHash } from 'node:crypto'
import { BrokerError } from '#core/errors/broker-error.ts'
import { type ParsedJwt, parseCompactJwt } from '#core/jwt/parse-compact.ts'
import { subjectTokenAlgorithms } from '#core/jwt/signature-algorithms.ts'
import type { JwksStore } from '#core/subject/jwks-store.ts'
import { soleAudience } from '#core/subject/jwt-proof.ts'
import { leewaySeconds } from '#core/time/leeway-seconds.ts'
import type { SignInProvider } from './provider.ts'

/** Older ones, by `iat`, are refused, however late their `exp`. Seconds. */
const maxAgeSeconds = 600

/** RFC 8725 § 3.11: what says to be another kind of token is none. */
const idTokenTypes = new Set([undefined, 'JWT'])

/** At most 255 characters (OpenID Connect Core § 2), none of them a control character. */
const readable = /^[^\u0000-\u001f\u007f-\u009f]{1,255}$/

export interface IdToken {
  readonly claims: Readonly<Record<string, unknown>>
  readonly subject: string
  /** SHA-256 of what its signature covers: a signature that is written in another way makes no other token of it. */
  readonly hash: Buffer
  /** From when on it is refused as too old. Seconds since the epoch. */
  readonly untilSeconds: number
}

/** reason: a fixed word, for counting and the log. */
export type IdTokenResult = { readonly ok: true; readonly idToken: IdToken } | { readonly ok: false; readonly reason: string }

const no = (reason: string): IdTokenResult => ({ ok: false, reason })

/**
 * nonce: the one that the client made for this sign-in; undefined where it could send none (many providers take none in the
 * device grant), and then the token must hold none either. nowMs: the database's clock.
 * Throws BrokerError `trust_source_unavailable` when the provider's keys cannot be had.
 */
export async function verifyIdToken(
  provider: SignInProvider,
  jwks: JwksStore,
  input: { readonly token: string; readonly nonce: string | undefined },
  nowMs: number,
): Promise<IdTokenResult> {
  const parsed = parseCompactJwt(input.token)
  if (!parsed.ok) return no('malformed')
  const { header, payload, signed } = parsed.jwt
  if (!idTokenTypes.has(header.typ?.toUpperCase()) || 'events' in payload) return no('wrong_typ')
  const fault = findFault(provider, parsed.jwt, input.nonce) ?? findTimeFault(payload, nowMs / 1000)
  if (fault !== undefined) return no(fault)
  const key = await jwks.find(provider, header.kid, header.alg, nowMs)
  if (!key) return no('unknown_key')
  try {
    await key.verify(input.token)
  } catch (error) {
    // Where the check itself failed, the token is not to blame.
    if (error instanceof BrokerError) throw error
    return no('bad_signature')
  }
  const hash = createHash('sha256').update(signed).digest()
  const untilSeconds = Math.min(payload['exp'] as number, (payload['iat'] as number) + maxAgeSeconds)
  return { ok: true, idToken: { claims: payload, subject: payload['sub'] as string, hash, untilSeconds } }
}

function findFault(
  { issuer, clientId, config }: SignInProvider,
  { header, payload }: ParsedJwt,
  nonce: string | undefined,
): string | undefined {
  if (payload['iss'] !== issuer) return 'wrong_issuer'
  const { azp, sub } = payload
  const audience = config.audience ?? clientId
  if (soleAudience(payload) !== audience) return 'wrong_audience'
  // Where the audience is not the client itself, only azp says whom the token was made for.
  if (azp === undefined ? audience !== clientId : azp !== clientId) return 'wrong_party'
  if (!(subjectTokenAlgorithms as readonly string[]).includes(header.alg)) return 'algorithm_refused'
  if (payload['nonce'] !== nonce) return 'wrong_nonce'
  if (typeof sub !== 'string' || !readable.test(sub)) return 'no_subject'
  return undefined
}

function findTimeFault({ exp, iat, nbf }: Readonly<Record<string, unknown>>, nowSeconds: number): string | undefined {
  if (typeof exp !== 'number' || exp <= nowSeconds) return 'expired'
  if (typeof iat !== 'number' || iat > nowSeconds + leewaySeconds) return 'issued_in_future'
  if (iat + maxAgeSeconds <= nowSeconds) return 'too_old'
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf > nowSeconds + leewaySeconds)) return 'not_yet_valid'
  return undefined
}
