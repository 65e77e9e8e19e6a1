// The claims of a task token (standards: RFC 9068, 8693 § 4.1, 8705 § 3.1, 9396 § 9.1, and ours). Members are written in
// the order of RFC 8785 and hold only what JSON.stringify writes canonically (ASCII names, normalised permissions, safe
// integers), so the text is canonical as it stands; a test holds it against a canonicalizer.

import { hash } from 'node:crypto'
import { nestActors } from '#core/delegation/actor.ts'
import type { Chain } from '#core/delegation/lineage.ts'
import { idJagClaims } from '#core/id-jag/mint.ts'
import { formatId } from '#core/ids/id.ts'
import { canonicalJson } from '#core/json/canonical.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { ReplayMode, Resource } from '#core/registry/resource.ts'
import { type StatusPlace, writeStatus } from '#core/status-list/place.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'
import type { DelegationRequest } from './delegation-request.ts'

export interface ClaimsInput {
  readonly issuer: string
  readonly configEpoch: number
  readonly clientId: string
  /** uuid */
  readonly accountId: string
  readonly generation: number
  /** Where the account stands in its tree. */
  readonly chain: Chain
  readonly taskId: string
  readonly resource: Resource
  readonly granted: Permission
  readonly resourceHash: string
  readonly key: BoundKey | undefined
  readonly tokenId: string
  readonly nonce: string
  /** Where the token stands in a status list; left out: in none. */
  readonly status?: StatusPlace | undefined
  /** What is minted is an ID-JAG for this authorization server and no task token; undefined: a task token. */
  readonly idJagAudience: string | undefined
  /** What is minted opens a child account for the agent that this names; undefined: it does not. */
  readonly delegation?: DelegationRequest | undefined
  readonly issuedSeconds: number
  readonly expiresSeconds: number
}

/** Claims without `evt`, as canonical JSON text, and their SHA-256 (base64url) for the audit leaf. */
export interface PreparedClaims {
  readonly canonical: string
  readonly hash: string
}

export function prepareClaims(input: ClaimsInput, frame: ClaimsFrame = frameClaims(input)): PreparedClaims {
  const times = `,"exp":${input.expiresSeconds},"gen":${input.generation},"iat":${input.issuedSeconds}`
  const status = input.status ? `,"status":${writeStatus(input.status)}` : ''
  const canonical = `${frame.head}${times},"iss":${frame.issuer},"jti":"${input.tokenId}","nonce":"${input.nonce}",${frame.tail}${status},${frame.end}`
  return { canonical, hash: hash('sha256', canonical, 'base64url') }
}

/** The claims that are the same for every token of an account, grant and key, as the pieces of text between which the others go. */
export interface ClaimsFrame {
  /** Up to `delegation`, without the closing brace. */
  readonly head: string
  readonly issuer: string
  /** From `replay` to `scope`, without braces. */
  readonly tail: string
  /** From `sub` on, without the opening brace. */
  readonly end: string
}

export function frameClaims(input: Omit<ClaimsInput, 'nonce'>): ClaimsFrame {
  const { details, scopes } = input.granted
  const { chain } = input
  const head = JSON.stringify({
    account_id: formatId('account', input.accountId),
    act: nestActors(input.issuer, [input.clientId, ...chain.actors]),
    aud: input.resource.uri,
    authorization_details: details.length > 0 ? details : undefined,
    cfg: input.configEpoch,
    client_id: input.clientId,
    cnf: input.key && { [input.key.kind]: input.key.thumbprint },
    delegation: { depth: chain.depth, max_depth: chain.maxDepth },
  })
  const tail = JSON.stringify({
    replay: input.resource.config.replay,
    resource_hash: input.resourceHash,
    scope: scopes.length > 0 ? scopes.join(' ') : undefined,
  })
  const end = JSON.stringify({
    sub: formatId('account', chain.rootId),
    task_id: input.taskId,
    // One for each root task: it carries the root account's own random bits.
    txn: formatId('transaction', chain.rootId),
  })
  return { head: head.slice(0, -1), issuer: JSON.stringify(input.issuer), tail: tail.slice(1, -1), end: end.slice(1) }
}

/** The claims of an ID-JAG, prepared in the same way. */
export function prepareIdJag(input: Omit<ClaimsInput, 'nonce'> & { readonly idJagAudience: string }): PreparedClaims {
  const { idJagAudience: audience, chain, resource, ...grant } = input
  const act = nestActors(input.issuer, [input.clientId, ...chain.actors])
  const subject = formatId('account', chain.rootId)
  const canonical = canonicalJson(idJagClaims({ ...grant, audience, act, subject, resource: resource.uri }))
  return { canonical, hash: hash('sha256', canonical, 'base64url') }
}

/**
 * The claims of a delegation token: those of a task token in the parent's account, whose audience is the issuer, and who may act
 * (RFC 8693 § 4.4). It is bound to no key of the parent's: who may use it proves a key of its own.
 */
export function prepareDelegation(input: ClaimsInput & { readonly delegation: DelegationRequest }): PreparedClaims {
  const { issuer, delegation } = input
  const { canonical: frame } = prepareClaims({ ...input, key: undefined })
  const { mayAct, maxDepth, accountTtlSeconds, quota } = delegation
  const { chain } = input
  const canonical = canonicalJson({
    ...(JSON.parse(frame) as object),
    ...(accountTtlSeconds !== undefined && { account_ttl: accountTtlSeconds }),
    delegation: { depth: chain.depth, max_depth: Math.min(maxDepth ?? chain.maxDepth, chain.maxDepth) },
    may_act: { iss: issuer, sub: mayAct },
    ...(quota && { quota }),
  })
  return { canonical, hash: hash('sha256', canonical, 'base64url') }
}

/** The token's payload: the claims and, behind them, the receipt. */
export function withReceipt(claims: PreparedClaims, leafHash: string): string {
  return `${claims.canonical.slice(0, -1)},"evt":"${leafHash}"}`
}

/**
 * The `typ` of the token. Where the verifier must keep a nonce, a stock RFC 9068 validator would wave the second use
 * through, so it gets a type that it does not know and fails closed.
 */
export const tokenTyp = (replay: ReplayMode): string => (replay === 'pop' ? 'at+jwt' : 'agent-task+jwt')
