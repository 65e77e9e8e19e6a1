import { recordEvent } from '#core/audit/record.ts'
import type { AuditSubscription } from '#core/audit/stream/message.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { explainConflict } from '#core/errors/explain-conflict.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import { findHttpsFault } from '#core/registry/url-faults.ts'
import { deleteAuditStream, insertAuditStream, restartAuditStream } from '#db/audit-stream/streams.ts'
import type { Trx } from '#db/connect.ts'
import {
  deleteWebhook,
  findWebhook,
  insertWebhook,
  type SealedWebhook,
  updateWebhook,
  type WebhookRow,
} from '#db/webhook/webhooks.ts'
import { newWebhookSecret, type SignatureMethod, webhookPublicKey } from './signature.ts'

const nameTaken = 'A webhook has this name already.'

export interface WebhookConfig {
  readonly url: string
  readonly events: readonly string[]
  readonly signature: SignatureMethod
  readonly ca_pem?: string
  /** Absent: it is not sent the log. */
  readonly audit?: AuditSubscription
}

export interface WebhookInput extends WebhookConfig {
  readonly name: string
}

export interface WebhookChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly keyEncryption: KeyEncryption
  readonly nowMs: number
}

export const webhookConfigOf = (row: { readonly config: unknown }): WebhookConfig => row.config as WebhookConfig

const contextOf = (row: Pick<SealedWebhook, 'id' | 'tenant_id'>) =>
  ({ tenantId: row.tenant_id, purpose: 'webhook', rowId: row.id }) as const

export async function openWebhookSecret(keyEncryption: KeyEncryption, row: SealedWebhook): Promise<string> {
  return (await keyEncryption.open(row.secret_sealed, row.kek_id, contextOf(row))).toString()
}

/** secret: shown once; with Ed25519 nobody needs it, the public key is enough. Throws ValidationError, `conflict`. */
export async function registerWebhook(
  trx: Trx,
  change: WebhookChange,
  input: WebhookInput,
): Promise<{ readonly row: WebhookRow; readonly secret: string | undefined }> {
  await holdTenant(trx, change.tenantId)
  const { name, ...config } = checkInput(input)
  const secret = newWebhookSecret(config.signature)
  const place = { id: newUuid(change.nowMs), tenant_id: change.tenantId }
  const secret_sealed = await change.keyEncryption.seal(Buffer.from(secret), contextOf(place))
  const sealed = { secret_sealed, kek_id: change.keyEncryption.keyId, public_key: webhookPublicKey(secret) ?? null }
  const row = await explainConflict(insertWebhook(trx, { ...place, name, config, ...sealed }), nameTaken)
  if (config.audit) await insertAuditStream(trx, { webhookId: row.id, tenantId: change.tenantId, begin: config.audit.begin })
  await record(trx, change, 'webhook.created', row.id)
  return { row, secret: sealed.public_key === null ? secret : undefined }
}

/** Throws ValidationError, `conflict`, `not_found`. */
export async function replaceWebhook(trx: Trx, change: WebhookChange, id: string, input: WebhookInput): Promise<WebhookRow> {
  await holdTenant(trx, change.tenantId)
  const before = await findWebhook(trx, id, change.tenantId)
  if (!before) throw new BrokerError('not_found')
  const { name, ...config } = checkInput(input)
  if (webhookConfigOf(before).signature !== config.signature)
    refuseProblems([{ pointer: '/signature', detail: 'How it signs cannot change. Register another webhook.' }])
  const row = await explainConflict(updateWebhook(trx, id, change.tenantId, { name, config }), nameTaken)
  await followChange(trx, change.tenantId, id, config.audit)
  await record(trx, change, 'webhook.changed', id)
  return row!
}

/** What was not delivered yet goes with it. Throws `not_found`. */
export async function removeWebhook(trx: Trx, change: WebhookChange, id: string): Promise<void> {
  await holdTenant(trx, change.tenantId)
  if (!(await deleteWebhook(trx, id, change.tenantId))) throw new BrokerError('not_found')
  await record(trx, change, 'webhook.deleted', id)
}

/** Who was sent the log before goes on where it was, whatever it wants from now on. */
async function followChange(trx: Trx, tenantId: string, id: string, audit: AuditSubscription | undefined): Promise<void> {
  if (!audit) await deleteAuditStream(trx, id)
  else if (!(await restartAuditStream(trx, id))) await insertAuditStream(trx, { webhookId: id, tenantId, begin: audit.begin })
}

function checkInput(input: WebhookInput): WebhookInput {
  const fault = findHttpsFault(input.url, { query: true })
  if (fault !== undefined) refuseProblems([{ pointer: '/url', detail: fault }])
  if (input.events.length === 0 && !input.audit)
    refuseProblems([{ pointer: '/events', detail: 'Name events, or with audit what it is sent of the log.' }])
  return input
}

function record(
  trx: Trx,
  change: WebhookChange,
  type: 'webhook.created' | 'webhook.changed' | 'webhook.deleted',
  id: string,
): Promise<void> {
  const facts = { ...actorFacts(change.actor), webhook: formatId('webhook', id) }
  return recordEvent(trx, { type, tenantId: change.tenantId, facts }, change.nowMs)
}
