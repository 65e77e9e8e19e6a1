import { BrokerError } from '#core/errors/broker-error.ts'
import { computeEffective } from '#core/permission/effective.ts'
import { normaliseDetails, parseScope } from '#core/permission/normalise.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { Agent } from '#core/registry/agent.ts'

/**
 * What an account that is opened ahead may ever be granted: as asked, which must be within the agent's ceiling; all of it where
 * nothing is asked. Throws BrokerError `scope_refused`, `details_refused`.
 */
export async function findCeilingAhead(
  agent: Agent,
  asked: { readonly scope?: string; readonly authorization_details?: readonly unknown[] } | undefined,
  keep: (permission: Permission) => Promise<string>,
): Promise<{ readonly id: string; readonly permission: Permission }> {
  if (asked === undefined) return { id: agent.ceilingId, permission: agent.ceiling }
  const scopes = parseScope(asked.scope ?? '')
  if (!scopes.ok) throw new BrokerError('scope_refused', { hint: `${scopes.reason}.` })
  const details = normaliseDetails(asked.authorization_details ?? [])
  if (!details.ok) throw new BrokerError('details_refused', { hint: `${details.reason}.` })
  const effective = computeEffective({
    requested: { details: details.details, scopes: scopes.value },
    ceilings: [{ name: 'the agent', permission: agent.ceiling }],
    allowNarrowing: false,
  })
  if (!effective.ok)
    throw new BrokerError(effective.problem === 'details' ? 'details_refused' : 'scope_refused', { hint: effective.reason })
  return { id: await keep(effective.granted), permission: effective.granted }
}
