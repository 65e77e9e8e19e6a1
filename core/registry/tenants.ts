import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { explainConflict } from '#core/errors/explain-conflict.ts'
import { formatId } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { createSigningKey, type SealedSigningKey, signingAlgorithms, toSigningKeyRow } from '#core/keys/signing-key.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { Trx } from '#db/connect.ts'
import { insertSigningKey } from '#db/registry/signing-keys.ts'
import { insertTenant, lockTenant, type TenantRow } from '#db/registry/tenants.ts'
import { withTenant } from '#db/with-tenant.ts'

/** One key for each algorithm. Takes a tenth of a second or more, so it is done before a transaction is opened. */
export function createTenantKeys(keyEncryption: KeyEncryption, tenantId: string, nowMs: number): Promise<SealedSigningKey[]> {
  return Promise.all(signingAlgorithms.map(alg => createSigningKey(keyEncryption, { tenantId, alg, nowMs })))
}

export interface TenantInput {
  /** uuid, the one that `keys` were sealed for. */
  readonly id: string
  readonly slug: string
  readonly name: string
  readonly isFirst: boolean
  readonly keys: readonly SealedSigningKey[]
}

/** trx: of the deployment. actor: undefined for the bootstrap. Throws `conflict` when the slug is taken or a first tenant exists. */
export async function createTenant(
  trx: Trx,
  actor: Principal | undefined,
  input: TenantInput,
  nowMs: number,
): Promise<TenantRow> {
  const tenant = await insert(trx, input)
  const facts = actor ? actorFacts(actor) : {}
  await recordEvent(
    trx,
    { type: 'tenant.created', tenantId: tenant.id, facts: { ...facts, tenant: formatId('tenant', tenant.id) } },
    nowMs,
  )
  for (const key of input.keys) {
    await withTenant(trx, tenant.id, () => insertSigningKey(trx, toSigningKeyRow(key), 'active', nowMs))
    await recordEvent(
      trx,
      { type: 'signing_key.created', tenantId: tenant.id, facts: { ...facts, kid: key.kid, alg: key.alg } },
      nowMs,
    )
  }
  return tenant
}

function insert(trx: Trx, { id, slug, name, isFirst }: TenantInput): Promise<TenantRow> {
  const query = insertTenant(trx, { id, slug, name, is_first: isFirst })
  return explainConflict(query, 'This slug is taken. Choose another one.', {
    tenant_one_first: 'The first tenant exists already.',
  })
}

/** Locks the tenant for a change to its registry. Throws `not_found`. */
export async function holdTenant(trx: Trx, tenantId: string): Promise<TenantRow> {
  const tenant = await lockTenant(trx, tenantId)
  if (!tenant) throw new BrokerError('not_found', { hint: 'There is no such tenant.' })
  return tenant
}
