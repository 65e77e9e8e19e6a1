// Join tokens: `mfj_…`, shown once, stored as a hash. With one, a workload becomes an instance of one agent, once.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { hashSecret, newSecret } from '#core/ids/secret.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { Trx } from '#db/connect.ts'
import { deleteJoinToken, findJoinToken, insertJoinToken, type JoinTokenRow } from '#db/enrolment/join-tokens.ts'
import { findAgent } from '#db/registry/agents.ts'
import { type CaDeps, ensureCa } from './ensure-ca.ts'

export const DEFAULT_JOIN_TTL_SECONDS = 3600
export const MAX_JOIN_TTL_SECONDS = 7 * 86_400

export interface JoinTokenChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  /** uuid */
  readonly agentId: string
  readonly nowMs: number
}

/** Makes the tenant's CA too, if it has none. Throws `not_found` when the tenant has no such agent. The secret exists in clear only in what is returned. */
export async function createJoinToken(
  trx: Trx,
  deps: CaDeps,
  change: JoinTokenChange,
  input: { readonly ttlSeconds: number; readonly note: string | undefined },
): Promise<{ row: JoinTokenRow; secret: string }> {
  const { actor, tenantId, agentId, nowMs } = change
  await ensureCa(trx, deps, { tenantId, facts: actorFacts(actor), nowMs })
  if (!(await findAgent(trx, agentId, tenantId))) throw new BrokerError('not_found')
  const secret = newSecret('join')
  const id = newUuid(nowMs)
  await insertJoinToken(trx, {
    id,
    tenant_id: tenantId,
    agent_id: agentId,
    note: input.note ?? null,
    secret_hash: hashSecret(secret),
    expires_at: new Date(nowMs + input.ttlSeconds * 1000),
  })
  await record(trx, change, 'join_token.created', id, { ttl_seconds: input.ttlSeconds })
  return { row: (await findJoinToken(trx, id, agentId, tenantId))!, secret }
}

/** Ends it at once; who came by it keeps its certificate until that ends, and cannot renew it. Throws `not_found`. */
export async function removeJoinToken(trx: Trx, change: JoinTokenChange, id: string): Promise<void> {
  const deleted = await deleteJoinToken(trx, id, change.agentId, change.tenantId)
  if (!deleted) throw new BrokerError('not_found')
  await record(trx, change, 'join_token.deleted', id, deleted)
}

function record(
  trx: Trx,
  { actor, tenantId, agentId, nowMs }: JoinTokenChange,
  type: 'join_token.created' | 'join_token.deleted',
  id: string,
  more: Record<string, unknown>,
): Promise<void> {
  const facts = { ...actorFacts(actor), join_token: formatId('joinToken', id), ...more }
  return recordEvent(trx, { type, tenantId, agentId, facts }, nowMs)
}
