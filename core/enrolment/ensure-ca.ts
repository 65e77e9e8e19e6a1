import type { Facts } from '#core/audit/event.ts'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { createCaKey } from '#core/keys/ca-key.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import { builtinCaIssuer } from '#core/registry/trust-source-kinds/builtin-ca.ts'
import type { Trx } from '#db/connect.ts'
import { insertCaKey } from '#db/enrolment/ca-keys.ts'
import { findCaIssuer } from '#db/enrolment/trust-domain.ts'
import { insertTrustSource } from '#db/registry/trust-sources.ts'
import { violatedUnique } from '#db/registry/unique-violation.ts'
import { trustDomainOf } from './trust-domain.ts'

export interface CaDeps {
  readonly keyEncryption: KeyEncryption
  /** Without a slash at its end. */
  readonly baseUrl: string
}

export interface CaChange {
  /** uuid */
  readonly tenantId: string
  /** Who causes it: `actorFacts`, or by what. */
  readonly facts: Facts
  readonly nowMs: number
}

/**
 * Makes the tenant's CA with its trust source if there is none, in the transaction that needs it. Its trust domain stays what it is
 * from then on, also when the deployment moves to another host. Throws `conflict` where a trust source stands in the way.
 */
export async function ensureCa(trx: Trx, deps: CaDeps, change: CaChange): Promise<void> {
  const { tenantId, facts, nowMs } = change
  const tenant = await holdTenant(trx, tenantId)
  if ((await findCaIssuer(trx, tenantId)) !== undefined) return
  const trustDomain = trustDomainOf(deps.baseUrl, tenant.slug)
  const key = await createCaKey(deps.keyEncryption, tenantId, nowMs)
  const id = newUuid(nowMs)
  const values = { name: 'built-in CA', kind: 'builtin_ca', issuer: builtinCaIssuer(trustDomain), audience: null, config: {} }
  await explainConflict(insertTrustSource(trx, id, tenantId, values), trustDomain)
  await insertCaKey(trx, await key.certify(trustDomain, nowMs), 'active', nowMs)
  const source = { trust_source: formatId('trustSource', id) }
  await recordEvent(
    trx,
    { type: 'trust_source.created', tenantId, facts: { ...facts, ...source, source_kind: 'builtin_ca' } },
    nowMs,
  )
  await recordEvent(trx, { type: 'ca_key.created', tenantId, facts: { ...facts, ...source, kid: key.kid } }, nowMs)
}

async function explainConflict<T>(query: Promise<T>, trustDomain: string): Promise<T> {
  try {
    return await query
  } catch (cause) {
    if (violatedUnique(cause) === undefined) throw cause
    const hint = `The built-in CA cannot be made: a trust source here is called "built-in CA", or has the trust domain ${trustDomain}. Rename or delete it.`
    throw new BrokerError('conflict', { hint, cause })
  }
}
