import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import { newWebhookSecret } from '#core/webhook/signature.ts'
import type { Trx } from '#db/connect.ts'
import {
  type ConnectorRow,
  deleteConnector,
  insertConnector,
  isConnectorUsed,
  lockConnector,
  updateConnector,
} from '#db/connector/connectors.ts'
import { violatedUnique } from '#db/registry/unique-violation.ts'
import type { ConnectorKind } from './connector.ts'
import { kindRules } from './kinds/table.ts'
import type { WebhookConfig } from './kinds/webhook.ts'
import { type ConnectorConfig, type ConnectorInput, configOf, isSamePlace, sealAdmin, validateConnector } from './registration.ts'

export interface ConnectorRegistryChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly keyEncryption: KeyEncryption
  readonly nowMs: number
}

export interface RegisteredConnector {
  readonly row: ConnectorRow
  /** What calls of a `webhook` are signed with, shown once. */
  readonly signingSecret: string | undefined
}

/** Throws ValidationError, and `conflict` when the name is taken. */
export async function registerConnector(
  trx: Trx,
  change: ConnectorRegistryChange,
  input: ConnectorInput,
): Promise<RegisteredConnector> {
  await holdTenant(trx, change.tenantId)
  const config = validateConnector(input)
  const signingSecret = input.kind === 'webhook' ? newSigningSecret(config) : undefined
  const admin = signingSecret === undefined ? (input.admin ?? demandAdmin(input.kind)) : { signing: signingSecret }
  const place = { id: newUuid(change.nowMs), tenant_id: change.tenantId }
  const sealed = await sealAdmin(change.keyEncryption, place, admin)
  const { name, kind } = input
  const row = await explainConflict(insertConnector(trx, { ...place, name, kind, config, ...sealed }))
  await record(trx, change, 'connector.created', row.id)
  return { row, signingSecret }
}

/**
 * Throws as above, `not_found`, and `conflict` where it would be at another place while something that it made is still there. Its
 * own credentials are never sent to a place that they were not given for.
 */
export async function replaceConnector(
  trx: Trx,
  change: ConnectorRegistryChange,
  id: string,
  input: ConnectorInput,
): Promise<ConnectorRow> {
  await holdTenant(trx, change.tenantId)
  const before = await lockConnector(trx, id, change.tenantId)
  if (!before) throw new BrokerError('not_found')
  if (before.kind !== input.kind)
    refuseProblems([{ pointer: '/kind', detail: 'The kind of a connector cannot change. Register another connector.' }])
  const config = validateConnector(input)
  if (!isSamePlace(input.kind, configOf(before), config)) {
    if (await isConnectorUsed(trx, id))
      throw new BrokerError('conflict', {
        hint: 'Something that it made is still there. Register another connector for the new place.',
      })
    if (input.kind !== 'webhook' && input.admin === undefined)
      refuseProblems([{ pointer: '/admin', detail: 'Give the credentials for the new place.' }])
  }
  if (
    input.kind === 'webhook' &&
    (configOf(before).settings as unknown as WebhookConfig).signature !== config.settings['signature']
  )
    refuseProblems([{ pointer: '/config/signature', detail: 'How it signs cannot change. Register another connector.' }])
  const sealed = input.admin && input.kind !== 'webhook' && (await sealAdmin(change.keyEncryption, before, input.admin))
  const row = await explainConflict(updateConnector(trx, id, change.tenantId, { name: input.name, config, ...sealed }))
  await record(trx, change, 'connector.changed', id)
  return row!
}

/** Throws `not_found`, and `conflict` while something that it made is still there. */
export async function removeConnector(trx: Trx, change: ConnectorRegistryChange, id: string): Promise<void> {
  await holdTenant(trx, change.tenantId)
  if (!(await lockConnector(trx, id, change.tenantId))) throw new BrokerError('not_found')
  if (await isConnectorUsed(trx, id))
    throw new BrokerError('conflict', { hint: 'Something that it made is still there, and only it can take that down.' })
  await deleteConnector(trx, id, change.tenantId)
  await record(trx, change, 'connector.deleted', id)
}

const newSigningSecret = ({ settings }: ConnectorConfig): string =>
  newWebhookSecret((settings as unknown as WebhookConfig).signature)

function demandAdmin(kind: ConnectorKind): never {
  refuseProblems(kindRules[kind].admin.map(name => ({ pointer: `/admin/${name}`, detail: 'This credential is missing.' })))
  throw new BrokerError('internal', { detail: `connectors of kind ${kind} need no credentials of their own` })
}

async function explainConflict<T>(query: Promise<T>): Promise<T> {
  try {
    return await query
  } catch (cause) {
    if (violatedUnique(cause) === undefined) throw cause
    throw new BrokerError('conflict', { hint: 'A connector has this name already.', cause })
  }
}

function record(
  trx: Trx,
  change: ConnectorRegistryChange,
  type: 'connector.created' | 'connector.changed' | 'connector.deleted',
  id: string,
): Promise<void> {
  const facts = { ...actorFacts(change.actor), connector: formatId('connector', id) }
  return recordEvent(trx, { type, tenantId: change.tenantId, facts }, change.nowMs)
}
