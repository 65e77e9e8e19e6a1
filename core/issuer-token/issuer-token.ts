// What a token for the issuer says. Two kinds that nothing mixes up (RFC 8725 § 3.11): they differ by `typ`, and one says
// `may_act` where the other must not.

import { hash } from 'node:crypto'
import { parseId } from '#core/ids/id.ts'
import { normaliseDetails, parseScope } from '#core/permission/normalise.ts'
import type { Permission } from '#core/permission/permission.ts'
import { type BoundKey, readBoundKey } from '#core/subject/bound-key.ts'
import { accountScope } from './issuer-resource.ts'

/** RFC 9068: a token for the account's own verbs is an ordinary access token. */
const accountTokenTyp = 'at+jwt'
/** A token that opens a child account is good for nothing else: no validator of access tokens takes it. */
export const delegationTokenTyp = 'agent-delegation+jwt'

interface IssuerToken {
  /** `jti`: `at_…` */
  readonly tokenId: string
  /** uuid of the account that it was issued in. */
  readonly accountId: string
  readonly generation: number
  /** uuid of the agent that it was issued to. */
  readonly agentId: string
  readonly expiresSeconds: number
}

/** For the verbs of its own account. */
export interface AccountToken extends IssuerToken {
  readonly kind: 'account'
  /** Undefined: of an agent that is registered as bearer and presented no key. */
  readonly key: BoundKey | undefined
}

/** To open one child account for the agent that it names. */
export interface DelegationToken extends IssuerToken {
  readonly kind: 'delegation'
  /** uuid of the agent that may act: `may_act.sub`. */
  readonly delegateId: string
  /** What the child may be granted at most. */
  readonly permission: Permission
  /** How deep below the root the child and its own children may lie; the child itself lies at `depth`. */
  readonly depth: number
  readonly maxDepth: number
  /** Longest life of the child account in seconds; undefined: as its agent's registration says. */
  readonly accountTtlSeconds: number | undefined
  /** What is carved out of the parent's quotas for it. */
  readonly quota: Readonly<Record<string, number>> | undefined
}

/**
 * What a delegation token is pinned under, to the one child account that it may open. Hex of SHA-256. tenantId: uuid; whoever revokes
 * an id writes down what they like, and must take no other tenant's token with it. `mayfly.pin_revoked` says the same.
 */
export const pinNameOfDelegation = (tenantId: string, tokenId: string): string =>
  hash('sha256', `delegation ${tenantId} ${tokenId}`, 'hex')

type Payload = Readonly<Record<string, unknown>>

/** The claims of a payload whose signature is the issuer's own, or undefined where they are not of the kind that `typ` says. */
export function readIssuerToken(
  typ: string | undefined,
  payload: Payload,
  issuer: string,
): AccountToken | DelegationToken | undefined {
  const common = readCommon(payload, issuer)
  if (!common) return undefined
  if (typ === accountTokenTyp) return readAccountToken(common, payload)
  return typ === delegationTokenTyp ? readDelegation(common, payload, issuer) : undefined
}

function readCommon({ iss, aud, jti, account_id, client_id, gen, exp }: Payload, issuer: string): IssuerToken | undefined {
  if (iss !== issuer || aud !== issuer) return undefined
  const accountId = idOf('account', account_id)
  const agentId = idOf('agent', client_id)
  if (accountId === undefined || agentId === undefined || idOf('token', jti) === undefined) return undefined
  if (!isCount(gen) || !isCount(exp)) return undefined
  return { tokenId: jti as string, accountId, agentId, generation: gen, expiresSeconds: exp }
}

function readAccountToken(common: IssuerToken, payload: Payload): AccountToken | undefined {
  if (payload['scope'] !== accountScope || 'may_act' in payload) return undefined
  const key = payload['cnf'] === undefined ? undefined : readBoundKey(payload['cnf'])
  // A confirmation that cannot be read must not pass for none (RFC 7800 § 3.1).
  if (payload['cnf'] !== undefined && key === undefined) return undefined
  return { kind: 'account', ...common, key }
}

function readDelegation(common: IssuerToken, payload: Payload, issuer: string): DelegationToken | undefined {
  const { may_act, scope, authorization_details, delegation, account_ttl, quota } = payload
  const { iss, sub } = asObject(may_act)
  const delegateId = iss === issuer ? idOf('agent', sub) : undefined
  const { depth, max_depth } = asObject(delegation)
  const scopes = parseScope(typeof scope === 'string' ? scope : '')
  const details = normaliseDetails(authorization_details ?? [])
  if (delegateId === undefined || !isCount(depth) || !isCount(max_depth) || !scopes.ok || !details.ok) return undefined
  if (account_ttl !== undefined && !isCount(account_ttl)) return undefined
  return {
    kind: 'delegation',
    ...common,
    delegateId,
    permission: { details: details.details, scopes: scopes.value },
    // The token stands in the parent's account, at the parent's depth.
    depth: depth + 1,
    maxDepth: max_depth,
    accountTtlSeconds: account_ttl,
    quota: quota as DelegationToken['quota'],
  }
}

const idOf = (kind: 'account' | 'agent' | 'token', value: unknown): string | undefined =>
  typeof value === 'string' ? parseId(kind, value) : undefined
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const asObject = (value: unknown): Payload => (typeof value === 'object' && value !== null ? (value as Payload) : {})
