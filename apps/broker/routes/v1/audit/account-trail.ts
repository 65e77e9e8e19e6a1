// GET /v1/accounts/{id}/trail: the whole life of an account, from the log alone, so also long after its row and its tombstone are gone.

import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { catchUp, readPage } from '#core/audit/query/read-page.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { type Relative, readFamily } from '#db/audit/family.ts'
import { uuidOf } from '../collection.ts'
import type { V1App } from '../deps.ts'
import { IdParams, operatorSecurity, problems } from '../schemas.ts'
import { type RelativeView, TrailQuery, TrailView } from './audit-schemas.ts'
import { type AuditDeps, afterOf, nextOf, recordReading, scopeOf, showEvents } from './read-log.ts'

const mostDescendants = 500

export function accountTrailRoute(app: V1App, audit: AuditDeps): void {
  app.get(
    '/v1/accounts/:id/trail',
    {
      schema: {
        tags: ['audit'],
        security: operatorSecurity,
        summary: 'The whole life of an account, its ancestors and all below it',
        params: IdParams('account'),
        querystring: TrailQuery,
        response: { 200: TrailView, ...problems },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await readTrail(audit, request, request.params.id, request.query)),
  )
}

async function readTrail(audit: AuditDeps, request: FastifyRequest, id: string, query: Static<typeof TrailQuery>) {
  const { deps } = audit
  const tenantId = scopeOf(request, query.tenant)
  if (tenantId === null) throw new BrokerError('malformed_request', { hint: 'Say which tenant: send tenant=ten_….' })
  if ((query.limit ?? 50) > 200) throw new BrokerError('malformed_request', { hint: 'limit: 200 at most.' })
  const account = uuidOf('account', id)
  await catchUp(deps.db)
  const family = await readFamily(deps.db, tenantId, account, mostDescendants + 1)
  const own = family.find(({ distance }) => distance === 0)
  if (!own || own.opened_at === null) throw new BrokerError('not_found')
  const ascending = query.order !== 'newest'
  const accounts = query.family === 'with' ? family.map(relative => relative.account) : [account]
  const list = `/v1/accounts/trail ${tenantId} ${account} ${ascending} ${query.family}`
  const page = await readPage(deps.db, {
    tenantId,
    words: {},
    accounts,
    ascending,
    limit: query.limit ?? 50,
    after: afterOf(deps, list, query.cursor),
  })
  const items = await showEvents(deps, request, page.events, query.private)
  const filters = { account: id, family: query.family ?? 'without', ...(query.private === 'open' && { private: 'open' }) }
  await recordReading(audit, request, tenantId, filters, items.length)
  const next = nextOf(deps, list, page)
  return {
    account: showRelative(own),
    ancestors: family.filter(({ distance }) => distance < 0).map(showRelative),
    descendants: family.filter(({ distance }) => distance > 0).map(showRelative),
    items,
    ...(next !== undefined && { next_cursor: next }),
    complete_to: page.completeTo,
    behind: page.behind,
  }
}

const showRelative = (relative: Relative): Static<typeof RelativeView> => ({
  account: formatId('account', relative.account),
  ...(relative.parent !== null && { parent: formatId('account', relative.parent) }),
  ...(relative.agent !== null && { agent: formatId('agent', relative.agent) }),
  distance: relative.distance,
  ...(relative.opened_at && { opened_at: relative.opened_at.toISOString() }),
  ...(relative.ended_at && { ended_at: relative.ended_at.toISOString() }),
  ...(relative.ended_by !== null && { ended_by: relative.ended_by }),
})
