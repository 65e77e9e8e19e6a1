// What is granted: the target, then requested ∩ ceilings. Everything here follows from the snapshot, the account's ceiling
// and the request's own text, so the result is remembered under exactly those.

import type { ErrorCode } from '#core/errors/codes.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import { ownCopy } from '#core/memory/own-copy.ts'
import { type Ceiling, computeEffective } from '#core/permission/effective.ts'
import { normaliseDetails, parseDetails, parseScope } from '#core/permission/normalise.ts'
import type { AuthorizationDetail, Permission } from '#core/permission/permission.ts'
import { resourceHash } from '#core/permission/resource-hash.ts'
import { normaliseUri } from '#core/permission/uri.ts'
import type { Agent } from '#core/registry/agent.ts'
import { longestWithoutFeedSeconds, type Resource } from '#core/registry/resource.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { type Denial, deny } from './denial.ts'
import type { ExchangeRequest } from './exchange-request.ts'

export interface Grant {
  readonly ok: true
  readonly resource: Resource
  readonly granted: Permission
  readonly dropped: Permission
  readonly resourceHash: string
}

/** The ceiling that an account was opened under; immutable, found by its id. */
export interface AccountCeiling {
  readonly id: string
  readonly permission: Permission
  /** Of a child: the ceilings of the agents above, as they are registered now; `name` tells one list from another. */
  readonly above?: { readonly name: string; readonly ceilings: readonly Ceiling[] } | undefined
}

const longestRemembered = 4096

/** What an agent asked for last, and what came of it. */
interface Last extends Pick<ExchangeRequest, 'scope' | 'authorizationDetails' | 'allowNarrowing'> {
  readonly snapshot: TenantSnapshot
  readonly ceilingId: string
  readonly target: string
  readonly result: Grant | Denial
}

export class Grants {
  readonly #memos = new WeakMap<TenantSnapshot, GenerationCache<string, Grant | Denial>>()
  readonly #lasts = new WeakMap<Agent, Last>()

  /** Most agents ask for the same again and again: a few comparisons tell, where a look-up must write and hash a key. */
  evaluate(snapshot: TenantSnapshot, agent: Agent, ceiling: AccountCeiling, request: ExchangeRequest): Grant | Denial {
    const last = this.#lasts.get(agent)
    if (last && !ceiling.above && isSame(last, snapshot, ceiling, request)) return last.result
    const result = this.#find(snapshot, agent, ceiling, request)
    if (!ceiling.above && isShort(request)) this.#lasts.set(agent, lastOf(snapshot, ceiling, request, result))
    return result
  }

  #find(snapshot: TenantSnapshot, agent: Agent, ceiling: AccountCeiling, request: ExchangeRequest): Grant | Denial {
    let memo = this.#memos.get(snapshot)
    if (!memo) {
      memo = new GenerationCache(5_000)
      this.#memos.set(snapshot, memo)
    }
    const { targets, scope, authorizationDetails, allowNarrowing } = request
    // With the lengths in front, no two requests can be written the same.
    const whose = ceiling.above ? `${agent.id} ${ceiling.id} ${ceiling.above.name}` : `${agent.id} ${ceiling.id}`
    const head = `${whose} ${allowNarrowing} ${scope?.length} ${authorizationDetails?.length} ${targets.length}`
    const key = `${head} ${scope}${authorizationDetails}${targets.length === 1 ? targets[0] : JSON.stringify(targets)}`
    let result = memo.get(key)
    if (!result) {
      result = evaluateGrant(snapshot, agent, ceiling, request)
      if (key.length < longestRemembered) memo.set(key, result)
    }
    return result
  }
}

function isSame(last: Last, snapshot: TenantSnapshot, ceiling: AccountCeiling, request: ExchangeRequest): boolean {
  return (
    last.snapshot === snapshot &&
    last.ceilingId === ceiling.id &&
    last.target === request.targets[0] &&
    request.targets.length === 1 &&
    last.scope === request.scope &&
    last.authorizationDetails === request.authorizationDetails &&
    last.allowNarrowing === request.allowNarrowing
  )
}

/** A huge request is not worth remembering. */
const isShort = ({ targets, scope, authorizationDetails }: ExchangeRequest): boolean =>
  targets.length === 1 && targets[0]!.length + (scope?.length ?? 0) + (authorizationDetails?.length ?? 0) < longestRemembered

function lastOf(snapshot: TenantSnapshot, ceiling: AccountCeiling, request: ExchangeRequest, result: Grant | Denial): Last {
  const { targets, scope, authorizationDetails, allowNarrowing } = request
  return {
    snapshot,
    ceilingId: ceiling.id,
    target: ownCopy(targets[0]!),
    scope: scope === undefined ? undefined : ownCopy(scope),
    authorizationDetails: authorizationDetails === undefined ? undefined : ownCopy(authorizationDetails),
    allowNarrowing,
    result,
  }
}

function evaluateGrant(
  snapshot: TenantSnapshot,
  agent: Agent,
  ceiling: AccountCeiling,
  request: ExchangeRequest,
): Grant | Denial {
  const asked = withDefaults(agent, request)
  if ('ok' in asked) return asked
  const resource = findResource(snapshot, asked.targets)
  if ('ok' in resource) return resource
  const requested = readPermission(asked)
  if ('ok' in requested) return requested
  const misfit = checkFit(resource, agent, requested)
  if (misfit) return misfit
  const effective = computeEffective({
    requested,
    ceilings: ceilingsOf(agent, ceiling),
    allowNarrowing: request.allowNarrowing,
  })
  if (!effective.ok)
    return deny(effectiveCode(effective.problem, requested), `beyond_ceiling_${effective.problem}`, effective.reason)
  const { granted, dropped } = effective
  const set = { issuer: snapshot.tenant.issuer, details: granted.details, resource: resource.uri, scopes: granted.scopes }
  return { ok: true, resource, granted, dropped, resourceHash: resourceHash(set) }
}

/** All that bounds an account. */
export const ceilingsOf = (agent: Agent, { permission, above }: AccountCeiling): readonly Ceiling[] => [
  { name: 'the agent', permission: agent.ceiling },
  { name: 'the account', permission },
  ...(above?.ceilings ?? []),
]

export function effectiveCode(problem: 'scope' | 'details' | 'empty', requested: Permission): ErrorCode {
  if (problem === 'scope') return 'scope_refused'
  if (problem === 'details') return 'details_refused'
  return requested.details.length > 0 ? 'details_refused' : 'scope_refused'
}

interface Asked {
  readonly targets: readonly string[]
  readonly scope: string | undefined
  readonly details: { readonly text: string } | { readonly list: readonly unknown[] } | undefined
}

/** Nothing asked means the registration's default, and without one a refusal: a permission is never guessed. */
function withDefaults(agent: Agent, request: ExchangeRequest): Asked | Denial {
  const { targets, scope, authorizationDetails: text } = request
  const preset = agent.settings.default_permission
  if (scope !== undefined || text !== undefined) {
    if (targets.length === 0 && !preset)
      return deny('target_refused', 'no_target', 'Send resource: the URI of the API that the token is for.')
    return {
      targets: targets.length > 0 ? targets : [preset!.resource],
      scope,
      details: text === undefined ? undefined : { text },
    }
  }
  if (!preset)
    return deny('scope_refused', 'nothing_asked', 'Send scope or authorization_details: this agent has no default permission.')
  const presetTarget = targets.length === 0 ? [preset.resource] : targets
  if (targets.some(target => target !== preset.resource))
    return deny(
      'scope_refused',
      'nothing_asked',
      'Send scope or authorization_details: the default permission is for another resource.',
    )
  return {
    targets: presetTarget,
    scope: preset.scope,
    details: preset.authorization_details && { list: preset.authorization_details },
  }
}

/** One token, one audience: whatever is named must be one registered resource of this tenant (RFC 8707 § 2, RFC 8693 § 2.1). */
function findResource(snapshot: TenantSnapshot, targets: readonly string[]): Resource | Denial {
  const found = new Set<Resource>()
  for (const target of targets) {
    const resource = snapshot.resourcesByUri.get(target)
    if (!resource)
      return deny('target_refused', 'unknown_target', 'The resource is not registered here; names are compared byte for byte.')
    found.add(resource)
  }
  const [resource, second] = found
  if (!resource || second)
    return deny('target_refused', 'several_targets', 'Ask for one resource in a request: a token has one audience.')
  return resource
}

export function readPermission(asked: Pick<Asked, 'scope' | 'details'>): Permission | Denial {
  const scopes = parseScope(asked.scope ?? '')
  if (!scopes.ok) return deny('scope_refused', 'malformed_scope', `${scopes.reason}.`)
  if (!asked.details) return { details: [], scopes: scopes.value }
  const details = 'text' in asked.details ? parseDetails(asked.details.text) : normaliseDetails(asked.details.list)
  if (!details.ok) return deny('details_refused', 'malformed_details', `${details.reason}.`)
  return { details: details.details, scopes: scopes.value }
}

/** Whether the resource knows what is asked, and whether its verifier applies every control that the grant relies on. */
function checkFit(resource: Resource, agent: Agent, requested: Permission): Denial | undefined {
  const { config } = resource
  const unknown = requested.scopes.find(scope => !config.scopes.some(known => known.name === scope))
  if (unknown !== undefined) return deny('scope_refused', 'unknown_scope', 'The resource does not register one of these scopes.')
  for (const detail of requested.details) {
    if (!config.details_types.includes(detail.type))
      return deny('details_refused', 'unknown_details_type', `The resource does not register ${detail.type}.`)
    if (!detail.locations.every(location => isWithin(location, resource.uri)))
      return deny(
        'details_refused',
        'foreign_location',
        'An entry names a location outside the resource; a token speaks of its own audience only.',
      )
  }
  if (requested.details.length > 0 && !config.enforces.includes('rar'))
    return deny(
      'target_refused',
      'rar_not_enforced',
      'The resource does not declare that it enforces authorization_details (rar).',
    )
  if (agent.settings.binding === 'pop' && !config.enforces.includes('cnf'))
    return deny(
      'target_refused',
      'cnf_not_enforced',
      'The resource does not declare that it checks the key that a token is bound to (cnf).',
    )
  if (config.max_ttl_seconds > longestWithoutFeedSeconds && !config.enforces.includes('feed'))
    return deny(
      'target_refused',
      'feed_not_enforced',
      'The resource takes tokens that live long and does not declare that it learns of revocations (feed).',
    )
  if (agent.settings.binding === 'bearer' && config.proof === 'pop')
    return deny(
      'target_refused',
      'proof_demanded',
      'The resource takes key-bound tokens only, and this agent is registered as bearer.',
    )
  return undefined
}

const withoutSlash = (uri: string): string => (uri.endsWith('/') ? uri.slice(0, -1) : uri)

function isWithin(location: AuthorizationDetail['locations'][number], resourceUri: string): boolean {
  const normal = normaliseUri(resourceUri)
  if (!normal.ok) return location === resourceUri
  const base = withoutSlash(normal.value)
  return withoutSlash(location) === base || location.startsWith(`${base}/`)
}
