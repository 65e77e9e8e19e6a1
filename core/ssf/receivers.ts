import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { explainConflict } from '#core/errors/explain-conflict.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { hashSecret, newSecret } from '#core/ids/secret.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { Trx } from '#db/connect.ts'
import { deleteReceiver, insertReceiver, type ReceiverRow, renewReceiverSecret } from '#db/ssf/receivers.ts'

export const DEFAULT_RECEIVER_TTL_SECONDS = 365 * 86_400

export interface ReceiverChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly nowMs: number
}

export interface ReceiverInput {
  readonly name: string
  /** `aud` of its SETs; undefined: its id. */
  readonly audience: string | undefined
  readonly caPem: string | undefined
  readonly ttlSeconds: number
}

/** secret: shown once. Throws `conflict` for a name that is taken. */
export async function createReceiver(
  trx: Trx,
  change: ReceiverChange,
  { name, audience, caPem, ttlSeconds }: ReceiverInput,
): Promise<{ readonly row: ReceiverRow; readonly secret: string }> {
  const secret = newSecret('receiver')
  const id = newUuid(change.nowMs)
  const row = await explainConflict(
    insertReceiver(trx, {
      id,
      tenant_id: change.tenantId,
      name,
      audience: audience ?? formatId('receiver', id),
      ca_pem: caPem ?? null,
      secret_hash: hashSecret(secret),
      expires_at: new Date(change.nowMs + ttlSeconds * 1000),
    }),
    'A receiver has this name already.',
  )
  await record(trx, change, 'receiver.created', id)
  return { row, secret }
}

/** The secret before goes on working for `overlapSeconds`. Throws `not_found`. */
export async function renewReceiverToken(
  trx: Trx,
  change: ReceiverChange,
  id: string,
  { ttlSeconds, overlapSeconds }: { readonly ttlSeconds: number; readonly overlapSeconds: number },
): Promise<{ readonly row: ReceiverRow; readonly secret: string }> {
  const secret = newSecret('receiver')
  const expiresAt = new Date(change.nowMs + ttlSeconds * 1000)
  const row = await renewReceiverSecret(
    trx,
    { id, tenantId: change.tenantId },
    { hash: hashSecret(secret), expiresAt, overlapSeconds },
  )
  if (!row) throw new BrokerError('not_found')
  await record(trx, change, 'receiver.token_renewed', id)
  return { row, secret }
}

/** Its streams end with it, whatever they have not sent. Throws `not_found`. */
export async function removeReceiver(trx: Trx, change: ReceiverChange, id: string): Promise<void> {
  if (!(await deleteReceiver(trx, id, change.tenantId))) throw new BrokerError('not_found')
  await record(trx, change, 'receiver.deleted', id)
}

function record(
  trx: Trx,
  { actor, tenantId, nowMs }: ReceiverChange,
  type: `receiver.${'created' | 'deleted' | 'token_renewed'}`,
  id: string,
): Promise<void> {
  return recordEvent(trx, { type, tenantId, facts: { ...actorFacts(actor), receiver: formatId('receiver', id) } }, nowMs)
}
