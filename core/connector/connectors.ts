import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { explainConflict } from '#core/errors/explain-conflict.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import type { Trx } from '#db/connect.ts'
import {
  type ConnectorRow,
  deleteConnector,
  insertConnector,
  isConnectorUsed,
  lockConnector,
  updateConnector,
} from '#db/connector/connectors.ts'
import type { ConnectorKind } from './connector.ts'
import { kindRules } from './kinds/table.ts'
import {
  type ConnectorConfig,
  type ConnectorInput,
  configOf,
  isSamePlace,
  openAdmin,
  sealAdmin,
  validateConnector,
} from './registration.ts'

const nameTaken = 'A connector has this name already.'

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
  const given = validateConnector(input)
  const made = await kindRules[input.kind].make(given.settings, change.nowMs)
  const config = { ...given, settings: { ...given.settings, ...made.settings } }
  const admin = { ...(input.admin ?? demandAdmin(input.kind)), ...made.admin }
  const place = { id: newUuid(change.nowMs), tenant_id: change.tenantId }
  const sealed = await sealAdmin(change.keyEncryption, place, admin)
  const { name, kind } = input
  const row = await explainConflict(insertConnector(trx, { ...place, name, kind, config, ...sealed }), nameTaken)
  await record(trx, change, 'connector.created', row.id)
  return { row, signingSecret: made.admin['signing'] }
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
  const config = keepFixed(validateConnector(input), configOf(before), input.kind)
  if (!isSamePlace(input.kind, configOf(before), config)) {
    if (await isConnectorUsed(trx, id))
      throw new BrokerError('conflict', {
        hint: 'Something that it made is still there. Register another connector for the new place.',
      })
    if (kindRules[input.kind].admin.length > 0 && input.admin === undefined)
      refuseProblems([{ pointer: '/admin', detail: 'Give the credentials for the new place.' }])
  }
  // What was made for it stays beside what is given anew.
  const admin = input.admin && { ...(await openAdmin(change.keyEncryption, before)), ...input.admin }
  const sealed = admin && (await sealAdmin(change.keyEncryption, before, admin))
  const row = await explainConflict(updateConnector(trx, id, change.tenantId, { name: input.name, config, ...sealed }), nameTaken)
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

/** What was made stays; what cannot change must be as before, or not be named. */
function keepFixed(config: ConnectorConfig, before: ConnectorConfig, kind: ConnectorKind): ConnectorConfig {
  const { fixed, defaults } = kindRules[kind]
  const changed = fixed.filter(name => {
    const isNamed = name in config.settings && config.settings[name] !== defaults[name]
    return isNamed && config.settings[name] !== before.settings[name]
  })
  refuseProblems(changed.map(name => ({ pointer: `/config/${name}`, detail: 'This cannot change. Register another connector.' })))
  const kept = Object.fromEntries(fixed.flatMap(name => (name in before.settings ? [[name, before.settings[name]]] : [])))
  return { ...config, settings: { ...config.settings, ...kept } }
}

function demandAdmin(kind: ConnectorKind): Readonly<Record<string, string>> {
  refuseProblems(kindRules[kind].admin.map(name => ({ pointer: `/admin/${name}`, detail: 'This credential is missing.' })))
  return {}
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
