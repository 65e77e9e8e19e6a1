// A claim secret → the account that it opens, for whoever signed in. Every refusal that a person may meet is decided here, in an
// order that tells nothing to who should not know: whose tenant, whether the link still opens anything, who may claim.

import { BrokerError } from '#core/errors/broker-error.ts'
import { formatUuid } from '#core/ids/id.ts'
import { accountHexOfClaim, hashSecret } from '#core/ids/secret.ts'
import type { Agent } from '#core/registry/agent.ts'
import { type ClaimedRow, findBySecret, type SecretUse } from '#db/claim/claims.ts'
import { readSessionGroups } from '#db/claim/console-sessions.ts'
import type { ClaimDeps } from './claim-deps.ts'
import { mayClaim } from './claimable-by.ts'
import type { Visitor } from './visitor.ts'

export interface SecretTarget {
  readonly row: ClaimedRow
  readonly use: SecretUse
  readonly secretHash: Buffer
}

/** What the secret names in this tenant, whatever it is good for; undefined: nothing. One round trip. */
export async function findTarget(deps: ClaimDeps, tenantId: string, secret: string): Promise<SecretTarget | undefined> {
  const hex = accountHexOfClaim(secret)
  if (hex === undefined) return undefined
  const secretHash = hashSecret(secret)
  const found = await findBySecret(deps.dbOf(tenantId), { tenantId, accountId: formatUuid(hex), secretHash })
  return found && { ...found, secretHash }
}

export interface ClaimableAccount extends SecretTarget {
  readonly agent: Agent
}

/** Throws `claim_expired`, `already_claimed`, `not_claimable_by_you`. */
export async function resolveSecret(deps: ClaimDeps, { snapshot, session }: Visitor, secret: string): Promise<ClaimableAccount> {
  const target = await findTarget(deps, snapshot.tenant.id, secret)
  if (!target || target.use === 'none') throw new BrokerError('claim_expired')
  if (target.use === 'used') throw new BrokerError('already_claimed')
  const agent = snapshot.agents.get(target.row.agentId)
  if (!agent) throw new BrokerError('claim_expired', { detail: 'its agent is not registered any more' })
  if (target.row.isChild) throw new BrokerError('not_claimable_by_you', { detail: 'a child account' })
  const groups = await readSessionGroups(deps.dbOf(session.tenantId), session.tenantId, session.credentialId)
  const claimer = { person: session.person, providerId: session.providerId, groups }
  if (!mayClaim(agent.settings.claimable_by, claimer))
    throw new BrokerError('not_claimable_by_you', { detail: "the agent's claimable_by does not name this person" })
  return { ...target, agent }
}
