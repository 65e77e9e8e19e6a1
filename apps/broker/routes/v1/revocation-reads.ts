// Revocations that may still concern a token: the list, and one with whom it has reached.

import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatUuid } from '#core/ids/id.ts'
import { findRevocation, listRevocations, type RevocationRow, readEntriesOf } from '#db/revocation/revocations.ts'
import { findSweep } from '#db/revocation/sweeps.ts'
import { principalOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { kindNames, RevocationDetailView, RevocationView, readReceivers, showEntry, showRevocation } from './revocation-view.ts'
import { closed, Id, IdParams, operatorSecurity, PageOf, PageQuery, problems } from './schemas.ts'

const TenantQuery = Type.Optional(Id('tenant', 'For a platform-admin, who belongs to none.'))
const ListQuery = Type.Object(
  {
    ...PageQuery.properties,
    tenant: TenantQuery,
    kind: Type.Optional(Type.Enum(['account', 'tree', 'token', 'agent', 'key', 'tenant'])),
    subject: Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]{1,500}$', description: 'What tokens call it.' })),
    cause: Type.Optional(Type.String({ pattern: '^[a-z_]{1,32}$' })),
  },
  closed,
)
const longestWaitSeconds = 10
const OneQuery = Type.Object(
  {
    tenant: TenantQuery,
    wait: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: longestWaitSeconds,
        description: 'Answers when everybody has acknowledged, after so many seconds at the latest.',
      }),
    ),
  },
  closed,
)

const mostEntries = 200
/** How often it is looked whether everybody has acknowledged. */
const lookEveryMs = 50

export const revocationTags = { tags: ['revocation'], security: operatorSecurity }

export function revocationReadRoutes(app: V1App, deps: V1Deps): void {
  app.get(
    '/v1/revocations',
    {
      schema: {
        ...revocationTags,
        summary: 'List revocations that may still concern a token, newest first',
        querystring: ListQuery,
        response: { 200: PageOf(RevocationView), ...problems },
      },
    },
    async request => await list(deps, request, request.query),
  )
  app.get(
    '/v1/revocations/:id',
    {
      schema: {
        ...revocationTags,
        summary: 'Get one revocation, and whom it has reached',
        params: IdParams('revocation'),
        querystring: OneQuery,
        response: { 200: RevocationDetailView, ...problems },
      },
    },
    async request => {
      const tenantId = tenantNamed(request, request.query.tenant)
      const row = await findRevocation(deps.db.forTenant(tenantId), tenantId, uuidOf('revocation', request.params.id))
      if (!row) throw new BrokerError('not_found', { hint: 'Revocations that concern no token any more are only in the log.' })
      return await showDetail(deps, tenantId, row, request.query.wait ?? 0)
    },
  )
}

function list(deps: V1Deps, request: FastifyRequest, query: Static<typeof ListQuery>) {
  const tenantId = tenantNamed(request, query.tenant)
  const { kind, subject, cause } = query
  const filter = { kind: kind && letterOf(kind), subject, cause }
  const name = `/v1/revocations ${tenantId} ${kind ?? ''} ${cause ?? ''} ${subject ?? ''}`
  const read = async ({ afterId, limit }: { readonly afterId?: string | undefined; readonly limit: number }) => {
    const beforeEpoch = afterId === undefined ? undefined : epochOf(afterId)
    const rows = await listRevocations(deps.db.forTenant(tenantId), tenantId, filter, { beforeEpoch, limit })
    return rows.map(row => ({ id: placeOf(row.fromEpoch), row }))
  }
  return answerPage(deps.cursors, name, query, read, ({ row }) => showRevocation(row))
}

const letterOf = (name: string): RevocationRow['kind'] =>
  (Object.keys(kindNames) as RevocationRow['kind'][]).find(letter => kindNames[letter] === name)!

/** Cursors hold uuids: an epoch is written as one. */
const placeOf = (epoch: number): string => formatUuid(epoch.toString(16).padStart(32, '0'))
const epochOf = (place: string): number => Number.parseInt(place.replaceAll('-', ''), 16)

async function showDetail(
  deps: V1Deps,
  tenantId: string,
  row: RevocationRow,
  waitSeconds: number,
): Promise<Static<typeof RevocationDetailView>> {
  const db = deps.db.forTenant(tenantId)
  const until = performance.now() + waitSeconds * 1_000
  let receivers = await readReceivers(deps.db, tenantId, row)
  while (receivers.waiting.length > 0 && performance.now() < until) {
    await new Promise(resolve => setTimeout(resolve, lookEveryMs))
    receivers = await readReceivers(deps.db, tenantId, row)
  }
  const sweep = await findSweep(db, { id: row.id, tenantId })
  const entries = await readEntriesOf(db, tenantId, row.id, mostEntries)
  return { ...showRevocation(row), ...(sweep && { accounts: sweep }), entries: entries.map(showEntry), receivers }
}

/** The tenant that the caller acts in: its own, or the one that a platform-admin names. Throws `forbidden`, `malformed_request`. */
export function tenantNamed(request: FastifyRequest, named: string | undefined): string {
  const { tenantId } = principalOf(request)
  const wanted = named === undefined ? undefined : uuidOf('tenant', named)
  if (tenantId !== null) {
    if (wanted !== undefined && wanted !== tenantId) throw new BrokerError('forbidden', { hint: 'That is not your tenant.' })
    return tenantId
  }
  if (wanted === undefined) throw new BrokerError('malformed_request', { hint: 'Name the tenant.' })
  return wanted
}
