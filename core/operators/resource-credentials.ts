// Resource credentials: `mfr_…`, with which a protected resource consumes nonces and reports decisions, for itself only.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { hashSecret, newSecret } from '#core/ids/secret.ts'
import type { Trx } from '#db/connect.ts'
import { type CredentialRow, deleteCredential, insertCredential } from '#db/registry/credentials.ts'
import { findResource } from '#db/registry/resources.ts'
import { actorFacts, type Principal } from './principal.ts'

export const DEFAULT_RESOURCE_TTL_SECONDS = 365 * 86_400

export interface ResourceCredentialInput {
  readonly tenantId: string
  readonly resourceId: string
  readonly name: string
  readonly ttlSeconds: number
}

/** Throws `not_found` when the tenant has no such resource. The secret exists in clear only in what is returned. */
export async function createResourceCredential(
  trx: Trx,
  actor: Principal,
  input: ResourceCredentialInput,
  nowMs: number,
): Promise<{ row: CredentialRow; secret: string }> {
  const resource = await findResource(trx, input.resourceId, input.tenantId)
  if (!resource) throw new BrokerError('not_found')
  const secret = newSecret('resource')
  const row = await insertCredential(trx, {
    id: newUuid(nowMs),
    kind: 'resource',
    tenant_id: input.tenantId,
    resource_id: resource.id,
    role: null,
    name: input.name,
    secret_hash: hashSecret(secret),
    expires_at: new Date(nowMs + input.ttlSeconds * 1000),
  })
  const facts = {
    ...actorFacts(actor),
    credential: formatId('credential', row.id),
    kind: 'resource' as const,
    resource: formatId('resource', resource.id),
  }
  await recordEvent(trx, { type: 'credential.created', tenantId: input.tenantId, facts }, nowMs)
  return { row, secret }
}

/** Ends it at once. Throws `not_found`. */
export async function revokeResourceCredential(
  trx: Trx,
  actor: Principal,
  which: { readonly tenantId: string; readonly resourceId: string; readonly id: string },
  nowMs: number,
): Promise<void> {
  const row = await deleteCredential(trx, { kind: 'resource', tenantId: which.tenantId, resourceId: which.resourceId }, which.id)
  if (!row) throw new BrokerError('not_found')
  const facts = {
    ...actorFacts(actor),
    credential: formatId('credential', row.id),
    kind: 'resource' as const,
    resource: formatId('resource', which.resourceId),
  }
  await recordEvent(trx, { type: 'credential.revoked', tenantId: which.tenantId, facts }, nowMs)
}
