// What a provider knows a browser's client by, where it wants a secret. It is sealed as keys are, written through a route of its
// own, so that it stands in no registration, no proposal that waits for a second person and no answer.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Db, Trx } from '#db/connect.ts'
import { deleteClientSecret, findClientSecret, keepClientSecret } from '#db/operators/client-secrets.ts'
import { findSignInProvider, touchSignInProvider } from '#db/operators/sign-in-providers.ts'
import { actorFacts, type Principal } from '../principal.ts'

const contextOf = (id: string, tenantId: string) => ({ tenantId, purpose: 'client-secret', rowId: id }) as const

export interface ClientSecretChange {
  readonly actor: Principal
  readonly tenantId: string
  /** uuid of the provider. */
  readonly id: string
  readonly nowMs: number
}

/** Sets the secret, or takes it away (undefined). Throws `not_found` for a provider that is not the tenant's. */
export async function changeClientSecret(
  trx: Trx,
  keyEncryption: KeyEncryption,
  { actor, tenantId, id, nowMs }: ClientSecretChange,
  secret: string | undefined,
): Promise<void> {
  if (!(await findSignInProvider(trx, id, tenantId))) throw new BrokerError('not_found')
  if (secret === undefined) await deleteClientSecret(trx, id, tenantId)
  else {
    const secret_sealed = await keyEncryption.seal(Buffer.from(secret, 'utf8'), contextOf(id, tenantId))
    await keepClientSecret(trx, { id, tenant_id: tenantId, secret_sealed, kek_id: keyEncryption.keyId })
  }
  // Whoever has the provider at hand reads it anew.
  await touchSignInProvider(trx, id, tenantId)
  const facts = { ...actorFacts(actor), provider: formatId('signInProvider', id), client_secret: secret !== undefined }
  await recordEvent(trx, { type: 'sign_in_provider.changed', tenantId, facts }, nowMs)
}

/** Undefined: a public client. */
export async function openClientSecret(
  db: Db,
  keyEncryption: KeyEncryption,
  provider: { readonly id: string; readonly tenant_id: string },
): Promise<string | undefined> {
  const row = await findClientSecret(db, provider.id, provider.tenant_id)
  if (!row) return undefined
  return (await keyEncryption.open(row.secret_sealed, row.kek_id, contextOf(row.id, row.tenant_id))).toString('utf8')
}
