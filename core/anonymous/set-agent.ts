// Which tenant takes strangers, and as which agent. One tenant in the deployment at most, and none until a platform-admin says so.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId } from '#core/ids/id.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { Permission } from '#core/permission/permission.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import type { Trx } from '#db/connect.ts'
import { deleteAnonymousAgent, putAnonymousAgent } from '#db/quota/anonymous.ts'
import { findAgent } from '#db/registry/agents.ts'
import { violatedUnique } from '#db/registry/unique-violation.ts'
import { mostPermissions } from './stranger.ts'

export interface AnonymousChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly nowMs: number
}

/** Throws `not_found`, ValidationError for an agent that is not fit, `conflict` where another tenant takes strangers. */
export async function takeStrangers(trx: Trx, change: AnonymousChange, agentId: string): Promise<void> {
  const { actor, tenantId, nowMs } = change
  await holdTenant(trx, tenantId)
  const agent = await findAgent(trx, agentId, tenantId)
  if (!agent) throw new BrokerError('not_found', { hint: 'This tenant has no such agent.' })
  const { scopes, details } = JSON.parse(agent.permission) as Permission
  const rules = agent.rules as readonly unknown[]
  refuseProblems([
    ...(rules.length === 0 ? [] : [{ pointer: '/agent', detail: 'An agent for strangers has no rules: nobody else may be it.' }]),
    ...(scopes.length + details.length <= mostPermissions
      ? []
      : [{ pointer: '/agent', detail: `Its ceiling has more than ${mostPermissions} entries. Strangers get a tiny one.` }]),
  ])
  try {
    await putAnonymousAgent(trx, tenantId, agentId)
  } catch (cause) {
    if (violatedUnique(cause) === undefined) throw cause
    throw new BrokerError('conflict', { hint: 'Another tenant takes strangers already; one in the deployment may.', cause })
  }
  const facts = { ...actorFacts(actor), agent: formatId('agent', agentId) }
  await recordEvent(trx, { type: 'anonymous_opening.changed', tenantId, agentId, facts }, nowMs)
}

/** Accounts that strangers have go on until their deadline; they get no more tokens. */
export async function refuseStrangers(trx: Trx, { actor, tenantId, nowMs }: AnonymousChange): Promise<void> {
  await holdTenant(trx, tenantId)
  if (!(await deleteAnonymousAgent(trx, tenantId))) throw new BrokerError('not_found')
  await recordEvent(trx, { type: 'anonymous_opening.changed', tenantId, facts: { ...actorFacts(actor), agent: null } }, nowMs)
}
