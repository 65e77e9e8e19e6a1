// The claims of a task token and their shape. Shape only: whether the values are the right ones is checked in
// check-claims.ts, on every use.

import { isRecord, parseStrictObject } from './strict-json.ts'

/** Replay modes, chosen per resource: key-bound, consumed once, or answering the verifier's nonce. */
export type ReplayMode = 'pop' | 'once' | 'challenge'

const replayModes: readonly unknown[] = ['pop', 'once', 'challenge'] satisfies ReplayMode[]

/** One link of the chain of actors; the outermost is who presents the token (RFC 8693 § 4.1). */
export interface Actor {
  readonly sub: string
  readonly iss?: string
  readonly sub_profile?: string
  readonly act?: Actor
}

/** A place in a Token Status List (draft-ietf-oauth-status-list § 6.1). */
export interface StatusReference {
  readonly idx: number
  readonly uri: string
}

/** The claims of a task token, as verified. Times are seconds since the epoch. */
export interface TaskTokenClaims {
  readonly iss: string
  readonly aud: string
  /** The root account, whose authority is used; constant down a chain of delegation. */
  readonly sub: string
  /** The account that this token lives in. */
  readonly account_id: string
  /** The agent that asked for this token. */
  readonly client_id: string
  readonly task_id: string
  /** The account's generation at issuance. */
  readonly gen: number
  /** The tenant's configuration epoch at issuance. */
  readonly cfg: number
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly nbf?: number
  readonly act: Actor
  readonly replay: ReplayMode
  readonly resource_hash: string
  /** Leaf hash of this issuance in the audit log: the token's receipt. */
  readonly evt: string
  readonly txn?: string
  readonly nonce?: string
  readonly scope?: string
  readonly authorization_details?: readonly Readonly<Record<string, unknown>>[]
  readonly cnf?: { readonly 'x5t#S256'?: string; readonly jkt?: string }
  /** Where a Token Status List tells whether the token still counts. */
  readonly status?: { readonly status_list: StatusReference }
  readonly delegation?: { readonly depth: number; readonly max_depth: number }
}

const isText = (value: unknown): boolean => typeof value === 'string' && value.length > 0 && value.length <= 2048
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isThumbprint = (value: unknown): boolean => typeof value === 'string' && /^[A-Za-z0-9_-]{43}$/.test(value)
const isScope = (value: unknown): boolean =>
  typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(value)

const required: Readonly<Record<string, (value: unknown) => boolean>> = {
  iss: isText,
  aud: isText,
  sub: isText,
  account_id: isText,
  client_id: isText,
  task_id: isText,
  gen: isCount,
  cfg: isCount,
  jti: isText,
  iat: isCount,
  exp: isCount,
  act: isActor,
  replay: value => replayModes.includes(value),
  resource_hash: isThumbprint,
  evt: isText,
}

const optional: Readonly<Record<string, (value: unknown) => boolean>> = {
  nbf: isCount,
  txn: isText,
  nonce: isText,
  scope: isScope,
  authorization_details: value => Array.isArray(value) && value.every(isRecord),
  cnf: isConfirmation,
  status: isStatus,
  delegation: value => isRecord(value) && isCount(value['depth']) && isCount(value['max_depth']),
}

/**
 * Parses the payload of a token whose signature holds. Undefined where a required claim is missing or any known claim has
 * another shape. Unknown claims are left alone (RFC 7519 § 4). What is returned is frozen, all of it.
 */
export function parseClaims(payload: string): TaskTokenClaims | undefined {
  const claims = parseStrictObject(payload)
  if (!claims) return undefined
  for (const [name, hasShape] of Object.entries(required)) if (!hasShape(claims[name])) return undefined
  for (const [name, hasShape] of Object.entries(optional)) {
    if (Object.hasOwn(claims, name) && !hasShape(claims[name])) return undefined
  }
  const parsed = claims as unknown as TaskTokenClaims
  // The presenter and the client that asked are one; otherwise the chain was put together from two tokens.
  if (parsed.act.sub !== parsed.client_id) return undefined
  if (parsed.replay !== 'pop' && parsed.nonce === undefined) return undefined
  return frozen(parsed)
}

/** Handlers are shown the very claims that the guard remembers, and what they do to them must not let in the next request. */
function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) frozen(member)
  return Object.freeze(value)
}

function isActor(value: unknown): boolean {
  if (!isRecord(value) || !isText(value['sub'])) return false
  return value['act'] === undefined || isActor(value['act'])
}

function isStatus(value: unknown): boolean {
  const list = isRecord(value) ? value['status_list'] : undefined
  return isRecord(list) && isCount(list['idx']) && isText(list['uri'])
}

/** An empty or unknown confirmation must not read as "no confirmation" (RFC 7800 § 3.1). */
function isConfirmation(value: unknown): boolean {
  if (!isRecord(value)) return false
  const names = Object.keys(value)
  return names.length > 0 && names.every(name => (name === 'x5t#S256' || name === 'jkt') && isThumbprint(value[name]))
}
