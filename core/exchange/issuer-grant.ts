// What is granted for the issuer itself: a token for the verbs of one's own account, or one that opens a child account. The first
// is in nobody's ceiling. The second carries what the child may be granted at most, which must lie within all that bounds its parent.

import type { Account } from '#core/account/account.ts'
import type { Chain } from '#core/delegation/lineage.ts'
import { parseId } from '#core/ids/id.ts'
import { accountScope, issuerResource } from '#core/issuer-token/issuer-resource.ts'
import { type Ceiling, computeEffective } from '#core/permission/effective.ts'
import { nothing, type Permission } from '#core/permission/permission.ts'
import { resourceHash } from '#core/permission/resource-hash.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { DelegationRequest } from './delegation-request.ts'
import { type Denial, deny } from './denial.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import { effectiveCode, type Grant, readPermission } from './grant.ts'

/** What a delegation stands on. */
export interface Delegator {
  readonly account: Account
  readonly chain: Chain
  /** All that bounds the parent, its agent's ceiling first. */
  readonly ceilings: readonly Ceiling[]
}

export const isForIssuer = ({ tenant }: TenantSnapshot, { targets }: Pick<ExchangeRequest, 'targets'>): boolean =>
  targets.length > 0 && targets.every(target => target === tenant.issuer)

/** request: one that `isForIssuer`. */
export function grantIssuer(snapshot: TenantSnapshot, request: ExchangeRequest, delegator: Delegator): Grant | Denial {
  const { issuer } = snapshot.tenant
  const granted = request.delegation ? delegate(snapshot, request, request.delegation, delegator) : grantAccountScope(request)
  if ('ok' in granted) return granted
  const set = { issuer, details: granted.details, resource: issuer, scopes: granted.scopes }
  return { ok: true, resource: issuerResource(issuer), granted, dropped: nothing, resourceHash: resourceHash(set) }
}

function grantAccountScope({ scope, authorizationDetails }: ExchangeRequest): Permission | Denial {
  if (scope === accountScope && authorizationDetails === undefined) return { details: [], scopes: [accountScope] }
  return deny(
    'scope_refused',
    'not_account_scope',
    'For the broker itself ask for scope account, or name a sub-agent by may_act.',
  )
}

function delegate(
  snapshot: TenantSnapshot,
  request: ExchangeRequest,
  delegation: DelegationRequest,
  { account, chain, ceilings }: Delegator,
): Permission | Denial {
  const { mayAct, maxDepth } = delegation
  const delegate = parseId('agent', mayAct)
  if (delegate === undefined || !snapshot.agents.has(delegate))
    return deny('malformed_request', 'unknown_delegate', 'may_act names no agent of this tenant.')
  if (account.state !== 'a')
    return deny('access_denied', 'claimed_account', 'The account was claimed; a claimed account has no children.')
  if (chain.depth >= chain.maxDepth)
    return deny('access_denied', 'too_deep', `This account lies at depth ${chain.depth} and no account below it may be opened.`)
  if (maxDepth !== undefined && maxDepth > chain.maxDepth)
    return deny('access_denied', 'too_deep', `max_depth can be ${chain.maxDepth} at most, as for this account.`)
  return grantToChild(request, ceilings)
}

function grantToChild(request: ExchangeRequest, ceilings: readonly Ceiling[]): Permission | Denial {
  const { scope, authorizationDetails: text } = request
  const requested = readPermission({ scope, details: text === undefined ? undefined : { text } })
  if ('ok' in requested) return requested
  const effective = computeEffective({ requested, ceilings, allowNarrowing: request.allowNarrowing })
  if (effective.ok) return effective.granted
  const nothingAsked = requested.scopes.length + requested.details.length === 0
  const hint = nothingAsked ? 'Send scope or authorization_details: what the child may be granted at most.' : effective.reason
  return deny(effectiveCode(effective.problem, requested), `beyond_ceiling_${effective.problem}`, hint)
}
