// The claims of a task token (standards: RFC 9068, 8693 § 4.1, 8705 § 3.1, 9396 § 9.1, and ours). Members are written in
// the order of RFC 8785 and hold only what JSON.stringify writes canonically (ASCII names, normalised permissions, safe
// integers), so the text is canonical as it stands; a test holds it against a canonicalizer.

import { hash } from 'node:crypto'
import { idJagClaims } from '#core/id-jag/mint.ts'
import { formatId } from '#core/ids/id.ts'
import { canonicalJson } from '#core/json/canonical.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { ReplayMode, Resource } from '#core/registry/resource.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'

export interface ClaimsInput {
  readonly issuer: string
  readonly configEpoch: number
  readonly clientId: string
  /** uuid */
  readonly accountId: string
  readonly generation: number
  readonly taskId: string
  readonly resource: Resource
  readonly granted: Permission
  readonly resourceHash: string
  readonly key: BoundKey | undefined
  readonly tokenId: string
  readonly nonce: string
  /** What is minted is an ID-JAG for this authorization server and no task token; undefined: a task token. */
  readonly idJagAudience: string | undefined
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
  const canonical = `${frame.head}${times},"iss":${frame.issuer},"jti":"${input.tokenId}","nonce":"${input.nonce}",${frame.tail}`
  return { canonical, hash: hash('sha256', canonical, 'base64url') }
}

/** The claims that are the same for every token of an account, grant and key, as the pieces of text between which the others go. */
export interface ClaimsFrame {
  /** Up to `delegation`, without the closing brace. */
  readonly head: string
  readonly issuer: string
  /** From `replay` on, without the opening brace. */
  readonly tail: string
}

export function frameClaims(input: Omit<ClaimsInput, 'nonce'>): ClaimsFrame {
  const account = formatId('account', input.accountId)
  const { details, scopes } = input.granted
  const head = JSON.stringify({
    account_id: account,
    act: { iss: input.issuer, sub: input.clientId, sub_profile: 'ai_agent' },
    aud: input.resource.uri,
    authorization_details: details.length > 0 ? details : undefined,
    cfg: input.configEpoch,
    client_id: input.clientId,
    cnf: input.key && { [input.key.kind]: input.key.thumbprint },
    delegation: { depth: 0, max_depth: 0 },
  })
  const tail = JSON.stringify({
    replay: input.resource.config.replay,
    resource_hash: input.resourceHash,
    scope: scopes.length > 0 ? scopes.join(' ') : undefined,
    sub: account,
    task_id: input.taskId,
    // One for each root task: it carries the root account's own random bits.
    txn: formatId('transaction', input.accountId),
  })
  return { head: head.slice(0, -1), issuer: JSON.stringify(input.issuer), tail: tail.slice(1) }
}

/** The claims of an ID-JAG, prepared in the same way. */
export function prepareIdJag(input: Omit<ClaimsInput, 'nonce'> & { readonly idJagAudience: string }): PreparedClaims {
  const { idJagAudience: audience, accountId, resource, ...grant } = input
  const canonical = canonicalJson(
    idJagClaims({ ...grant, audience, subject: formatId('account', accountId), resource: resource.uri }),
  )
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
