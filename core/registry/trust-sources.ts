import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { explainConflict } from '#core/errors/explain-conflict.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { publishAgents } from '#core/revocation/publish.ts'
import type { Trx } from '#db/connect.ts'
import { agentsTrusting } from '#db/registry/agents.ts'
import { isAudienceUsed } from '#db/registry/issuer-audience.ts'
import { readAgentsVouchedFor } from '#db/registry/suspensions.ts'
import type { TenantRow } from '#db/registry/tenants.ts'
import {
  deleteTrustSource,
  findTrustSource,
  insertTrustSource,
  type TrustSourceRow,
  type TrustSourceValues,
  updateTrustSource,
} from '#db/registry/trust-sources.ts'
import { issuerOf } from './issuer.ts'
import { holdTenant } from './tenants.ts'
import { type TrustSourceInput, trustSourceKind, validateTrustSource } from './trust-source-kinds/table.ts'

const nameTaken = 'A trust source of this tenant has this name already.'

export interface TrustSourceChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly baseUrl: string
  readonly nowMs: number
}

/** Throws ValidationError, and `conflict` when the name, or issuer and audience together, are taken. */
export async function registerTrustSource(trx: Trx, change: TrustSourceChange, input: TrustSourceInput): Promise<TrustSourceRow> {
  const tenant = await holdTenant(trx, change.tenantId)
  const values = check(tenant, change, input)
  await refuseSignInsTokens(trx, values)
  const row = await explainConflict(insertTrustSource(trx, newUuid(change.nowMs), tenant.id, values), nameTaken, taken)
  await record(trx, change, 'trust_source.created', row.id, { source_kind: row.kind })
  return row
}

/** Replaces all of it but its kind: agents' rules are written for one kind. Throws as `registerTrustSource`, and `not_found`. */
export async function replaceTrustSource(
  trx: Trx,
  change: TrustSourceChange,
  id: string,
  input: TrustSourceInput,
): Promise<TrustSourceRow> {
  const tenant = await holdTenant(trx, change.tenantId)
  const before = await findTrustSource(trx, id, tenant.id)
  if (!before) throw new BrokerError('not_found')
  if (before.kind !== input.kind)
    refuseProblems([{ pointer: '/kind', detail: `This trust source is ${before.kind}; its kind cannot change.` }])
  const values = check(tenant, change, input)
  await refuseSignInsTokens(trx, values)
  const row = await explainConflict(updateTrustSource(trx, id, tenant.id, values), nameTaken, taken)
  await record(trx, change, 'trust_source.changed', id, { source_kind: before.kind })
  return row!
}

/**
 * No rule names it any more, but workloads may have enrolled by its word: their certificates are not renewed from now on, and what they
 * got with them is worth nothing. Throws `not_found`, and `conflict` while an agent's rule names it.
 */
export async function removeTrustSource(trx: Trx, change: TrustSourceChange, id: string): Promise<void> {
  await holdTenant(trx, change.tenantId)
  const before = await findTrustSource(trx, id, change.tenantId)
  const instead = before && trustSourceKind(before.kind).madeByBroker
  if (instead) throw new BrokerError('conflict', { hint: `The broker made this trust source and keeps it. ${instead}` })
  const users = await agentsTrusting(trx, change.tenantId, id)
  if (users.length > 0) {
    const named = users.map(user => formatId('agent', user)).join(', ')
    throw new BrokerError('conflict', { hint: `Rules of these agents name it: ${named}. Change or delete them first.` })
  }
  const enrolled = await readAgentsVouchedFor(trx, change.tenantId, id)
  if (!(await deleteTrustSource(trx, id, change.tenantId))) throw new BrokerError('not_found')
  await record(trx, change, 'trust_source.deleted', id, await revokeEnrolled(trx, change, id, enrolled))
}

/** Facts for the log. Their accounts live on: whoever still has a way to prove itself goes on in them. agents: uuids. */
async function revokeEnrolled(
  trx: Trx,
  { actor, tenantId, nowMs }: TrustSourceChange,
  id: string,
  agents: readonly string[],
): Promise<Record<string, unknown>> {
  if (agents.length === 0) return {}
  const revocationId = newUuid(nowMs)
  const target = { kind: 'trust_source', subject: formatId('trustSource', id) } as const
  await publishAgents(trx, { id: revocationId, tenantId, cause: 'trust_source', facts: actorFacts(actor), target }, agents)
  return { revocation: formatId('revocation', revocationId) }
}

function check(tenant: TenantRow, change: TrustSourceChange, input: TrustSourceInput) {
  const ownIssuer = issuerOf(change.baseUrl, { slug: tenant.slug, isFirst: tenant.is_first })
  const { values, problems } = validateTrustSource(input, { baseUrl: change.baseUrl, ownIssuer })
  refuseProblems(problems)
  return values
}

/** A person's ID token must not be a workload's: no tokens are taken for both. */
async function refuseSignInsTokens(trx: Trx, { issuer, audience }: TrustSourceValues): Promise<void> {
  if (issuer === null || audience === null || !(await isAudienceUsed(trx, 'sign_in_provider', issuer, audience))) return
  throw new BrokerError('conflict', {
    hint: 'People sign in with tokens of this issuer for this audience. Choose an audience that only workloads’ tokens have.',
  })
}

const taken: Readonly<Record<string, string>> = {
  trust_source_issuer_audience:
    'A trust source of this deployment has this issuer with this audience already. Choose an audience that only this one uses.',
  trust_source_trust_domain: 'A trust source of this tenant has this trust domain already.',
}

type EventType = 'trust_source.created' | 'trust_source.changed' | 'trust_source.deleted'

function record(trx: Trx, change: TrustSourceChange, type: EventType, id: string, more: Record<string, unknown>): Promise<void> {
  const facts = { ...actorFacts(change.actor), trust_source: formatId('trustSource', id), ...more }
  return recordEvent(trx, { type, tenantId: change.tenantId, facts }, change.nowMs)
}
