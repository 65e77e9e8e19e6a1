import { createHash } from 'node:crypto'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { explainConflict } from '#core/errors/explain-conflict.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { canonicalJson } from '#core/json/canonical.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { Permission } from '#core/permission/permission.ts'
import { publishAgentsWithAccounts } from '#core/revocation/publish.ts'
import type { Trx } from '#db/connect.ts'
import { type AgentRow, type AgentValues, deleteAgent, findAgent, insertAgent, updateAgent } from '#db/registry/agents.ts'
import { keepCeiling } from '#db/registry/ceilings.ts'
import { listResourceUris } from '#db/registry/resources.ts'
import { readTrustSourceKinds } from '#db/registry/trust-sources.ts'
import { holdTenant } from './tenants.ts'
import { type AgentInput, validateAgent } from './validate-agent.ts'

const nameTaken = 'An agent of this tenant has this name already.'

export interface AgentChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly nowMs: number
}

/** Throws ValidationError, and `conflict` when the name is taken in this tenant. */
export async function registerAgent(trx: Trx, change: AgentChange, input: AgentInput): Promise<AgentRow> {
  await holdTenant(trx, change.tenantId)
  const { values, ceilingHash } = await check(trx, change, input)
  const id = newUuid(change.nowMs)
  await explainConflict(insertAgent(trx, id, change.tenantId, values), nameTaken)
  await record(trx, change, 'agent.created', id, { ceiling_hash: ceilingHash })
  return (await findAgent(trx, id, change.tenantId))!
}

/** Throws as `registerAgent`, and `not_found`. */
export async function replaceAgent(trx: Trx, change: AgentChange, id: string, input: AgentInput): Promise<AgentRow> {
  await holdTenant(trx, change.tenantId)
  if (!(await findAgent(trx, id, change.tenantId))) throw new BrokerError('not_found')
  const { values, ceilingHash } = await check(trx, change, input)
  await explainConflict(updateAgent(trx, id, change.tenantId, values), nameTaken)
  await record(trx, change, 'agent.changed', id, { ceiling_hash: ceilingHash })
  return (await findAgent(trx, id, change.tenantId))!
}

/** With it go its tokens, at once, and its accounts. Throws `not_found`. */
export async function removeAgent(trx: Trx, change: AgentChange, id: string): Promise<void> {
  await holdTenant(trx, change.tenantId)
  if (!(await deleteAgent(trx, id, change.tenantId))) throw new BrokerError('not_found')
  const { actor, tenantId } = change
  const revocationId = newUuid(change.nowMs)
  const target = { kind: 'agent', subject: formatId('agent', id) } as const
  await publishAgentsWithAccounts(trx, { id: revocationId, tenantId, cause: 'agent', facts: actorFacts(actor), target }, [id])
  await record(trx, change, 'agent.deleted', id, { revocation: formatId('revocation', revocationId) })
}

/** A permission's place in the table of ceilings: canonical JSON, and its SHA-256. */
export function addressCeiling(permission: Permission): { readonly hash: Buffer; readonly text: string } {
  const text = canonicalJson({ details: permission.details, scopes: permission.scopes })
  return { hash: createHash('sha256').update(text).digest(), text }
}

async function check(trx: Trx, change: AgentChange, input: AgentInput): Promise<{ values: AgentValues; ceilingHash: string }> {
  const context = {
    trustSources: await readTrustSourceKinds(trx, change.tenantId),
    resourceUris: new Set(await listResourceUris(trx, change.tenantId)),
    nowMs: change.nowMs,
  }
  const { rules, ceiling, settings, problems } = validateAgent(input, context)
  refuseProblems(problems)
  const { hash, text } = addressCeiling(ceiling)
  const ceiling_id = await keepCeiling(trx, hash, text)
  const values = { name: input.name, owner: input.owner, review_on: input.review_on, rules, settings, ceiling_id }
  return { values, ceilingHash: hash.toString('base64url') }
}

type EventType = 'agent.created' | 'agent.changed' | 'agent.deleted'

function record(
  trx: Trx,
  change: AgentChange,
  type: EventType,
  id: string,
  more: { readonly ceiling_hash: string } | { readonly revocation: string },
): Promise<void> {
  const facts = { ...actorFacts(change.actor), ...more }
  return recordEvent(trx, { type, tenantId: change.tenantId, agentId: id, facts }, change.nowMs)
}
