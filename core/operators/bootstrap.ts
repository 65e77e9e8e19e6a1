// The beginning of a deployment. A bootstrap token can be had only while there is no operator at all, works once and for
// one hour, and makes the first tenant with its first operators. Whoever asks for it writes it to a file of mode 0600.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { hashSecret, isSecret, newSecret } from '#core/ids/secret.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { createTenant, createTenantKeys } from '#core/registry/tenants.ts'
import type { Trx } from '#db/connect.ts'
import {
  countOperators,
  deleteBootstrapCredentials,
  findLiveCredential,
  insertCredential,
  lockOperators,
  useCredentialOnce,
} from '#db/registry/credentials.ts'
import type { TenantRow } from '#db/registry/tenants.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { withTenant } from '#db/with-tenant.ts'
import { createOperator, DEFAULT_OPERATOR_TTL_SECONDS } from './operator-tokens.ts'
import type { OperatorRole } from './principal.ts'

const TTL_MS = 3_600_000

/** A new bootstrap token, or undefined when there is an operator already. An earlier unused token ends with it. */
export function createBootstrapToken(db: UnscopedDb, nowMs: number): Promise<string | undefined> {
  return db
    .forTenant(null)
    .transaction()
    .execute(async trx => {
      await lockOperators(trx)
      if ((await countOperators(trx)) > 0) return undefined
      await deleteBootstrapCredentials(trx)
      const secret = newSecret('bootstrap')
      await insertCredential(trx, {
        id: newUuid(nowMs),
        kind: 'bootstrap',
        tenant_id: null,
        resource_id: null,
        role: null,
        name: 'bootstrap',
        secret_hash: hashSecret(secret),
        expires_at: new Date(nowMs + TTL_MS),
      })
      await recordEvent(trx, { type: 'bootstrap.offered', tenantId: null, facts: {} }, nowMs)
      return secret
    })
}

export interface Bootstrapped {
  readonly tenant: TenantRow
  readonly operators: readonly {
    readonly id: string
    readonly role: OperatorRole
    readonly token: string
    readonly expiresAt: Date
  }[]
}

/**
 * Redeems a bootstrap token: first tenant, its keys, a platform-admin and a tenant-admin, all in one transaction with the
 * token's use. A failure leaves the token unused. Throws `not_authenticated` for an unknown, ended or used token.
 */
export async function redeemBootstrapToken(
  deps: { readonly db: UnscopedDb; readonly keyEncryption: KeyEncryption },
  secret: string,
  input: { readonly slug: string; readonly name: string },
  nowMs: number,
): Promise<Bootstrapped> {
  await checkBootstrapToken(deps.db, secret)
  const tenantId = newUuid(nowMs)
  const keys = await createTenantKeys(deps.keyEncryption, tenantId, nowMs)
  return deps.db
    .forTenant(null)
    .transaction()
    .execute(async trx => {
      // Looked at again: between the check and here somebody else may have used it.
      if (!(await useCredentialOnce(trx, 'bootstrap', hashSecret(secret)))) throw refused('used meanwhile')
      await lockOperators(trx)
      const tenant = await createTenant(trx, undefined, { id: tenantId, ...input, isFirst: true, keys }, nowMs)
      const operators = [
        await firstOperator(trx, 'platform-admin', null, nowMs),
        await withTenant(trx, tenantId, () => firstOperator(trx, 'tenant-admin', tenantId, nowMs)),
      ]
      await recordEvent(
        trx,
        { type: 'bootstrap.redeemed', tenantId, facts: { operators: operators.map(o => formatId('credential', o.id)) } },
        nowMs,
      )
      return { tenant, operators }
    })
}

/** Cheap refusal, before anything costly is done for a stranger. Throws `not_authenticated`. */
export async function checkBootstrapToken(db: UnscopedDb, secret: string): Promise<void> {
  if (!isSecret('bootstrap', secret)) throw refused('not in the form of a bootstrap token')
  if (!(await findLiveCredential(db.forTenant(null), 'bootstrap', hashSecret(secret)))) throw refused('unknown, ended or used')
}

async function firstOperator(trx: Trx, role: OperatorRole, tenantId: string | null, nowMs: number) {
  const input = { name: `first ${role}`, role, tenantId, ttlSeconds: DEFAULT_OPERATOR_TTL_SECONDS }
  const { row, secret } = await createOperator(trx, undefined, input, nowMs)
  return { id: row.id, role, token: secret, expiresAt: row.expires_at }
}

function refused(detail: string): BrokerError {
  return new BrokerError('not_authenticated', {
    hint: 'A bootstrap token works once, for one hour.',
    detail: `bootstrap token: ${detail}`,
  })
}
