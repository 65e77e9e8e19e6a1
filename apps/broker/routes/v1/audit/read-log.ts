// What the list and the trail have in common: whose log is read, where a page begins, what is shown of it, and that the reading is recorded.

import type { FastifyRequest } from 'fastify'
import type { Counts } from '#core/audit/query/counts.ts'
import type { EventsPage } from '#core/audit/query/read-page.ts'
import type { Readings } from '#core/audit/query/readings.ts'
import { SealedReader } from '#core/audit/query/sealed-reader.ts'
import { type ShownEvent, showEvent } from '#core/audit/query/show-event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatUuid } from '#core/ids/id.ts'
import { actorFacts } from '#core/operators/principal.ts'
import type { FoundEvent } from '#db/audit/events.ts'
import { principalOf } from '../../../http/access.ts'
import { uuidOf } from '../collection.ts'
import type { V1Deps } from '../deps.ts'

/** What the routes of the log are given. */
export interface AuditDeps {
  readonly deps: V1Deps
  readonly readings: Readings
  readonly counts: Counts
}

/** The tenant whose log is read; null: all, which is for who belongs to none and names none. Throws `forbidden`. */
export function scopeOf(request: FastifyRequest, named: string | undefined): string | null {
  const { tenantId } = principalOf(request)
  const wanted = named === undefined ? undefined : uuidOf('tenant', named)
  if (tenantId !== null && wanted !== undefined && wanted !== tenantId)
    throw new BrokerError('forbidden', { hint: 'That is not your tenant.' })
  return tenantId ?? wanted ?? null
}

/** Cursors hold uuids: a position is written as one. */
const placeOf = (position: number): string => formatUuid(position.toString(16).padStart(32, '0'))

export const afterOf = ({ cursors }: V1Deps, list: string, cursor: string | undefined): number | undefined =>
  cursor === undefined ? undefined : Number.parseInt(cursors.read(list, cursor).replaceAll('-', ''), 16)

export const nextOf = ({ cursors }: V1Deps, list: string, { next }: EventsPage): string | undefined =>
  next === undefined ? undefined : cursors.write(list, placeOf(next))

/** Throws `forbidden` where the caller belongs to no tenant: what is sealed is between a tenant and its subjects. */
export async function showEvents(
  deps: V1Deps,
  request: FastifyRequest,
  events: readonly FoundEvent[],
  opened: 'open' | 'closed' | undefined,
): Promise<(ShownEvent & { readonly private?: Readonly<Record<string, unknown>> | null })[]> {
  if (opened !== 'open') return events.map(showEvent)
  const { tenantId } = principalOf(request)
  if (tenantId === null) throw new BrokerError('forbidden', { hint: 'What is sealed is for operators of the tenant.' })
  const reader = new SealedReader(deps.db.forTenant(tenantId), deps.keyEncryption)
  return Promise.all(
    events.map(async event => {
      const hidden = await reader.open(event.body)
      return { ...showEvent(event), ...(hidden !== undefined && { private: hidden }) }
    }),
  )
}

/** Nothing of the log is shown before this has resolved. */
export async function recordReading(
  { deps, readings }: AuditDeps,
  request: FastifyRequest,
  tenantId: string | null,
  filters: Readonly<Record<string, unknown>>,
  entries: number,
): Promise<void> {
  const actor = actorFacts(principalOf(request))
  const { method, url } = request.routeOptions
  const reading = { tenantId, actor, operation: `${method} ${url}`, filters, entries }
  await readings.record(deps.db.forTenant(tenantId), reading, deps.clock.nowMs())
}
