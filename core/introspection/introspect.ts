// Whether a task token is good at this very moment (RFC 7662). Its signature and times are read here; whether its account lives and
// whether the feed has revoked it is asked of the database at each call and remembered nowhere, so it is true with the worker
// stopped and at every broker.

import { BrokerError } from '#core/errors/broker-error.ts'
import { parseId } from '#core/ids/id.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { readRevocable } from '#core/revocation/revocable.ts'
import { leewaySeconds } from '#core/time/leeway-seconds.ts'
import type { AccountOfToken, LiveAccount } from '#db/accounts/live-account.ts'
import type { RevocableToken } from '#db/revocation/find-revoked.ts'
import type { OwnTokens } from './own-tokens.ts'

export interface IntrospectionDeps {
  readonly ownTokens: OwnTokens
  /** `findLiveAccount` among a tenant's accounts. */
  readonly findLiveAccount: (tenantId: string, named: AccountOfToken) => Promise<LiveAccount | undefined>
  /** `isRevoked` in a tenant's feed. */
  readonly isRevoked: (tenantId: string, token: RevocableToken) => Promise<boolean>
}

/** Why a token is not active is not told. */
export type Introspection =
  | { readonly active: false }
  | { readonly active: true; readonly token_type: 'Bearer' | 'DPoP'; readonly [claim: string]: unknown }

const inactive: Introspection = { active: false }

/**
 * resourceId: who asks; a token for another audience is none of its business. nowMs: the database's clock. Throws BrokerError
 * `log_unavailable` while the database does not answer.
 */
export async function introspect(
  deps: IntrospectionDeps,
  { snapshot, resourceId }: { readonly snapshot: TenantSnapshot; readonly resourceId: string },
  token: string,
  nowMs: number,
): Promise<Introspection> {
  const jwt = await deps.ownTokens.read(snapshot, token)
  const claims = jwt?.payload
  if (!claims || !isForNow(claims, nowMs / 1000)) return inactive
  const { iss, aud, client_id, account_id, gen } = claims
  const audience = typeof aud === 'string' ? snapshot.resourcesByUri.get(aud) : undefined
  if (iss !== snapshot.tenant.issuer || audience?.id !== resourceId) return inactive
  const agentId = typeof client_id === 'string' ? parseId('agent', client_id) : undefined
  const accountId = typeof account_id === 'string' ? parseId('account', account_id) : undefined
  if (agentId === undefined || accountId === undefined || !Number.isInteger(gen) || !snapshot.agents.has(agentId)) return inactive
  const revocable = readRevocable(jwt)
  if (!revocable) return inactive
  const [live, revoked] = await ask(
    deps.findLiveAccount(snapshot.tenant.id, { accountId, generation: gen as number }),
    deps.isRevoked(snapshot.tenant.id, revocable),
  )
  if (live?.account.agentId !== agentId || revoked) return inactive
  const isDpop = typeof claims['cnf'] === 'object' && claims['cnf'] !== null && 'jkt' in claims['cnf']
  return { ...claims, active: true, token_type: isDpop ? 'DPoP' : 'Bearer' }
}

function isForNow({ exp, iat }: Readonly<Record<string, unknown>>, nowSeconds: number): boolean {
  return typeof exp === 'number' && nowSeconds < exp && typeof iat === 'number' && iat <= nowSeconds + leewaySeconds
}

async function ask<A, B>(...questions: [Promise<A>, Promise<B>]): Promise<[A, B]> {
  try {
    return await Promise.all(questions)
  } catch (cause) {
    throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
  }
}
