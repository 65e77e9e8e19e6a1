// A row of the revocation feed as a Security Event Token (RFC 8417), in the words of CAEP. Unlike an entry of the feed it names its
// subject: receivers are those whom a tenant's admin lets know. No `sub` and no `exp` (SSF 1.0 § 4.2), so nothing takes it for an
// access token; the same claims at every attempt.

import { formatId } from '#core/ids/id.ts'
import type { RevocationKind } from '#core/revocation/entry.ts'
import { credentialChange, sessionRevoked } from './event-types.ts'
import { revocationSetId } from './set-id.ts'

export const setMediaType = 'application/secevent+jwt'
/** JOSE header `typ`, RFC 8417 § 2.3. */
export const setTyp = 'secevent+jwt'

export interface RevocationRow {
  readonly epoch: number
  /** uuid of the revocation, which may have several rows. */
  readonly id: string
  readonly atMs: number
  readonly kind: RevocationKind
  /** What the tokens' claim says. */
  readonly subject: string
  readonly least: number | null
  readonly cause: string
  /** Who did it, in random ids and words of ours. */
  readonly by: unknown
}

/** What of a stream stands in its SETs. */
export interface SetStream {
  /** uuid */
  readonly id: string
  readonly issuer: string
  readonly audience: string
  /** uuid */
  readonly shard: string
}

export interface SetClaims {
  readonly iss: string
  readonly jti: string
  readonly iat: number
  readonly aud: string
  readonly txn?: string
  readonly sub_id: SubjectId
  readonly events: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** RFC 9493, with the formats that SSF adds. */
export type SubjectId = Readonly<Record<string, unknown>> & { readonly format: string }

/** Kinds of revocations that make this event. */
export const eventTypeOf = (kind: RevocationKind): string => (kind === 'k' ? credentialChange : sessionRevoked)

export function claimsOf(row: RevocationRow, stream: SetStream): SetClaims {
  const { issuer: iss, audience: aud } = stream
  const atSeconds = Math.floor(row.atMs / 1000)
  return {
    iss,
    jti: revocationSetId(stream.id, stream.shard, row.epoch),
    iat: atSeconds,
    aud,
    txn: formatId('revocation', row.id),
    sub_id: subjectOf(row, iss),
    events: { [eventTypeOf(row.kind)]: { event_timestamp: atSeconds, ...said(row) } },
  }
}

/** The subject as claims of a token name it, so that a receiver can compare it with what it has seen. */
export function subjectOf({ kind, subject }: Pick<RevocationRow, 'kind' | 'subject'>, iss: string): SubjectId {
  switch (kind) {
    case 'a':
      return { format: 'iss_sub', iss, sub: subject }
    // The `sub` of every token of a tree is its root's account, and the transaction has the same digits.
    case 'x':
      return { format: 'iss_sub', iss, sub: subject.replace(/^txn_/, 'acct_') }
    case 'j':
      return { format: 'jwt_id', iss, jti: subject }
    case 'c':
      return { format: 'complex', application: { format: 'iss_sub', iss, sub: subject } }
    case 'k':
      return { format: 'opaque', id: subject }
    case 't':
      return { format: 'complex', tenant: { format: 'uri', uri: subject } }
    default:
      return kind satisfies never
  }
}

/** `version` grows with each event of a tenant, for whoever gets them out of order. */
function said({ kind, epoch, least, cause, by }: RevocationRow): Record<string, unknown> {
  const base = {
    initiating_entity: initiatorOf(cause, by),
    reason_admin: { en: reasons[cause] ?? reasons['revoke']! },
    version: epoch,
  }
  switch (kind) {
    case 'a':
    case 'x':
      return { ...base, ...(least !== null && { least_generation: least }), ...(kind === 'x' && { descendants: true }) }
    case 'c':
    case 't':
      return { ...base, ...(least !== null && { least_config: least }) }
    case 'k':
      return { ...base, credential_type: 'jwk', change_type: 'revoke' }
    case 'j':
      return base
    default:
      return kind satisfies never
  }
}

const reasons: Readonly<Record<string, string>> = {
  complete: 'The task is complete.',
  revoke: 'The account was revoked.',
  close: 'The account was closed.',
  claim: 'A person has claimed the account.',
  suspend: 'The account was suspended.',
  narrow: 'What the account may do was narrowed.',
  token: 'The token was revoked.',
  agent: 'The agent was revoked.',
  trust_source: 'Who vouched for the agent is trusted no more.',
  key: 'The signing key was revoked.',
  tenant: 'Everything of this issuer was revoked.',
}

/** CAEP 1.0 § 2. */
function initiatorOf(cause: string, by: unknown): 'admin' | 'user' | 'policy' | 'system' {
  if (cause === 'claim' || cause === 'narrow') return 'user'
  const role = (by as { actor_role?: unknown } | null)?.actor_role
  return typeof role === 'string' ? 'admin' : 'system'
}
