// A receiver's streams (SSF 1.0 § 8.1): it makes, changes and ends them itself, within what it is. What it sends to itself as
// Authorization is sealed, never shown again, and goes to no other URL than the one it came with.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { findHttpsFault } from '#core/registry/url-faults.ts'
import type { Trx } from '#db/connect.ts'
import {
  countStreams,
  deleteStream,
  holdReceiver,
  insertStream,
  lockStream,
  type StreamRow,
  type StreamSettings,
  updateStreamSettings,
} from '#db/ssf/streams.ts'
import type { Caller } from './authenticate-receiver.ts'

export const pushMethod = 'urn:ietf:rfc:8935'
export const pollMethod = 'urn:ietf:rfc:8936'
const mostStreams = 10

export interface DeliveryInput {
  readonly method: string
  readonly endpoint_url?: string
  readonly authorization_header?: string
}

/** What a receiver supplies; undefined: nothing is said of it. */
export interface StreamInput {
  readonly delivery?: DeliveryInput | undefined
  readonly events_requested?: readonly string[] | undefined
  readonly description?: string | undefined
}

export interface StreamChange {
  readonly caller: Caller
  readonly issuer: string
  readonly keyEncryption: KeyEncryption
  readonly nowMs: number
}

/** uuid of it. Without a delivery it is polled. Throws ValidationError, `conflict` when the receiver has as many as it may. */
export async function createStream(trx: Trx, change: StreamChange, input: StreamInput): Promise<string> {
  const { caller, issuer, nowMs } = change
  if (!(await holdReceiver(trx, caller.id))) throw new BrokerError('not_authenticated')
  if ((await countStreams(trx, caller.id)) >= mostStreams)
    throw new BrokerError('conflict', { hint: `A receiver has ${mostStreams} streams at most.` })
  const id = newUuid(nowMs)
  const settings = await settingsOf(change, id, { delivery: { method: pollMethod }, ...withoutUndefined(input) }, undefined)
  await insertStream(trx, { id, tenant_id: caller.tenantId, receiver_id: caller.id, issuer, ...settings })
  await record(trx, change, 'stream.created', id)
  return id
}

/** RFC 5789 for PATCH: what is not said stays. For PUT what is not said goes. Throws ValidationError, `not_found`. */
export async function changeStream(
  trx: Trx,
  change: StreamChange,
  id: string,
  input: StreamInput,
  how: 'patch' | 'put',
): Promise<void> {
  const row = await lockStream(trx, id, change.caller.id)
  if (!row) throw new BrokerError('not_found')
  const sent = how === 'put' ? { delivery: { method: pollMethod }, ...withoutUndefined(input) } : withoutUndefined(input)
  await updateStreamSettings(trx, id, await settingsOf(change, id, sent, row, how))
  await record(trx, change, 'stream.changed', id)
}

/** Throws `not_found`. */
export async function removeStream(trx: Trx, change: StreamChange, id: string): Promise<void> {
  if (!(await lockStream(trx, id, change.caller.id))) throw new BrokerError('not_found')
  await deleteStream(trx, id)
  await record(trx, change, 'stream.deleted', id)
}

async function settingsOf(
  change: StreamChange,
  id: string,
  input: StreamInput,
  before: StreamRow | undefined,
  how: 'patch' | 'put' = 'put',
): Promise<StreamSettings> {
  const kept = how === 'patch' ? before : undefined
  return {
    description: input.description ?? kept?.description ?? null,
    events_requested: input.events_requested ?? kept?.events_requested ?? null,
    ...(input.delivery ? await deliveryOf(change, id, input.delivery, before) : pickDelivery(before!)),
  }
}

const pickDelivery = ({ method, endpoint_url, authorization_sealed, kek_id }: StreamRow) => ({
  method,
  endpoint_url,
  authorization_sealed,
  kek_id,
})

async function deliveryOf(
  { keyEncryption, caller }: StreamChange,
  id: string,
  delivery: DeliveryInput,
  before: StreamRow | undefined,
) {
  const { method, endpoint_url, authorization_header } = delivery
  if (method === pollMethod) return { method: 'poll' as const, endpoint_url: null, authorization_sealed: null, kek_id: null }
  if (method !== pushMethod)
    refuseProblems([{ pointer: '/delivery/method', detail: `It must be ${pushMethod} or ${pollMethod}.` }])
  const fault = endpoint_url === undefined ? 'It must be there, to be pushed to.' : findHttpsFault(endpoint_url, { query: true })
  if (fault !== undefined) refuseProblems([{ pointer: '/delivery/endpoint_url', detail: fault }])
  const to = { method: 'push' as const, endpoint_url: endpoint_url! }
  if (authorization_header === undefined)
    return before?.endpoint_url === endpoint_url
      ? { ...to, authorization_sealed: before!.authorization_sealed, kek_id: before!.kek_id }
      : { ...to, authorization_sealed: null, kek_id: null }
  const authorization_sealed = await keyEncryption.seal(Buffer.from(authorization_header), sealContext(caller.tenantId, id))
  return { ...to, authorization_sealed, kek_id: keyEncryption.keyId }
}

/** What a stream's `authorization_sealed` is sealed for. */
export const sealContext = (tenantId: string, streamId: string) => ({ tenantId, purpose: 'stream', rowId: streamId }) as const

function withoutUndefined(input: StreamInput): StreamInput {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
}

function record(
  trx: Trx,
  { caller, nowMs }: StreamChange,
  type: `stream.${'created' | 'changed' | 'deleted'}`,
  id: string,
): Promise<void> {
  const facts = { receiver: formatId('receiver', caller.id), stream: formatId('stream', id) }
  return recordEvent(trx, { type, tenantId: caller.tenantId, facts }, nowMs)
}
