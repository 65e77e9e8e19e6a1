import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { explainConflict } from '#core/errors/explain-conflict.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { Trx } from '#db/connect.ts'
import { deleteResource, findResource, insertResource, type ResourceRow, updateResource } from '#db/registry/resources.ts'
import { holdTenant } from './tenants.ts'
import { type ResourceInput, validateResource } from './validate-resource.ts'

const uriTaken = 'A resource with this URI is registered already; a URI has one owner in the whole deployment.'

export interface ResourceChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly baseUrl: string
  readonly nowMs: number
}

/** Throws ValidationError, and `conflict` when the URI is registered anywhere in the deployment. */
export async function registerResource(trx: Trx, change: ResourceChange, input: ResourceInput): Promise<ResourceRow> {
  await holdTenant(trx, change.tenantId)
  const row = await explainConflict(insertResource(trx, newUuid(change.nowMs), change.tenantId, check(change, input)), uriTaken)
  await record(trx, change, 'resource.created', row.id)
  return row
}

/** Replaces all but the URI: tokens for it are on their way, and its audience must not come to mean another thing. */
export async function replaceResource(trx: Trx, change: ResourceChange, id: string, input: ResourceInput): Promise<ResourceRow> {
  await holdTenant(trx, change.tenantId)
  const before = await findResource(trx, id, change.tenantId)
  if (!before) throw new BrokerError('not_found')
  if (before.uri !== input.uri)
    refuseProblems([{ pointer: '/uri', detail: 'The URI of a resource cannot change. Register another resource.' }])
  const row = await updateResource(trx, id, change.tenantId, check(change, input))
  await record(trx, change, 'resource.changed', id)
  return row!
}

/** Its credentials end with it. Throws `not_found`. */
export async function removeResource(trx: Trx, change: ResourceChange, id: string): Promise<void> {
  await holdTenant(trx, change.tenantId)
  if (!(await deleteResource(trx, id, change.tenantId))) throw new BrokerError('not_found')
  await record(trx, change, 'resource.deleted', id)
}

function check(change: ResourceChange, input: ResourceInput) {
  const { config, problems } = validateResource(input, change.baseUrl)
  refuseProblems(problems)
  return { uri: input.uri, name: input.name, config }
}

function record(
  trx: Trx,
  change: ResourceChange,
  type: 'resource.created' | 'resource.changed' | 'resource.deleted',
  id: string,
): Promise<void> {
  const facts = { ...actorFacts(change.actor), resource: formatId('resource', id) }
  return recordEvent(trx, { type, tenantId: change.tenantId, facts }, change.nowMs)
}
