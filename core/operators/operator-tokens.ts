// Operator tokens: `mfo_…`, shown once, stored as a hash, each with one role, an end, and whoever answers for it: the person
// that made it, or whose token made it.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { hashSecret, newSecret } from '#core/ids/secret.ts'
import type { Trx } from '#db/connect.ts'
import {
  type CredentialRow,
  countOperators,
  deleteCredential,
  findTenantOfOperator,
  insertCredential,
  lockOperators,
} from '#db/registry/credentials.ts'
import { withTenant } from '#db/with-tenant.ts'
import { actorFacts, type OperatorRole, type Principal } from './principal.ts'
import { withdrawProposals } from './two-person/withdraw.ts'

export const DEFAULT_OPERATOR_TTL_SECONDS = 90 * 86_400

export interface OperatorInput {
  readonly name: string
  readonly role: OperatorRole
  /** uuid; null: the whole deployment, for platform-admin only. */
  readonly tenantId: string | null
  readonly ttlSeconds: number
}

/** Makes a token; the secret exists in clear only in what is returned. Whether the actor may is decided by `mayManage`. */
export async function createOperator(
  trx: Trx,
  actor: Principal | undefined,
  input: OperatorInput,
  nowMs: number,
): Promise<{ row: CredentialRow; secret: string }> {
  if ((input.role === 'platform-admin') !== (input.tenantId === null))
    throw new BrokerError('malformed_request', { hint: 'platform-admin belongs to no tenant, every other role to one.' })
  const secret = newSecret('operator')
  const row = await insertCredential(trx, {
    id: newUuid(nowMs),
    kind: 'operator',
    tenant_id: input.tenantId,
    resource_id: null,
    role: input.role,
    name: input.name,
    secret_hash: hashSecret(secret),
    expires_at: new Date(nowMs + input.ttlSeconds * 1000),
    person_id: actor?.person?.id ?? null,
    made_by: actor?.credentialId ?? null,
  })
  const facts = {
    ...(actor && actorFacts(actor)),
    credential: formatId('credential', row.id),
    kind: 'operator' as const,
    role: input.role,
  }
  await recordEvent(trx, { type: 'credential.created', tenantId: input.tenantId, facts }, nowMs)
  return { row, secret }
}

/** Refuses whoever would give out what it does not have: a tenant's admin makes tokens of its own tenant only. */
export function mayManage(actor: Principal, tenantId: string | null): boolean {
  return actor.role === 'platform-admin' || (actor.role === 'tenant-admin' && tenantId !== null && actor.tenantId === tenantId)
}

/**
 * Ends an operator token at once, and what it had proposed. Throws `not_found`, and `conflict` for the last platform-admin that
 * works: without one, nobody could make another.
 */
export async function revokeOperator(trx: Trx, actor: Principal, id: string, nowMs: number): Promise<void> {
  await lockOperators(trx)
  const tenantId = actor.role === 'platform-admin' ? await findTenantOfOperator(trx, id) : actor.tenantId
  const row = await withTenant(trx, tenantId, () => deleteCredential(trx, { kind: 'operator', tenantId }, id))
  if (!row) throw new BrokerError('not_found')
  if (row.role === 'platform-admin' && (await countOperators(trx, 'platform-admin')) === 0)
    throw new BrokerError('conflict', { hint: 'This is the last platform-admin token. Create another one first.' })
  await withdrawProposals(trx, actor, [id], nowMs)
  const facts = { ...actorFacts(actor), credential: formatId('credential', id), kind: 'operator' as const, role: row.role }
  await recordEvent(trx, { type: 'credential.revoked', tenantId: row.tenant_id, facts }, nowMs)
}
