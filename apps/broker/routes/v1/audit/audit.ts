// GET /v1/audit: what the log says, by whatever is asked of it. A tenant's operators see their tenant's entries; a platform-admin names a
// tenant or sees all. Who reads is recorded where it was read, so a tenant sees who has read its log.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { toOcsf } from '#core/audit/catalogue/ocsf.ts'
import { Counts } from '#core/audit/query/counts.ts'
import { locateEvent } from '#core/audit/query/locate.ts'
import { readPage } from '#core/audit/query/read-page.ts'
import { Readings } from '#core/audit/query/readings.ts'
import { type AuditWords, namesOf } from '#core/audit/query/words.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { plainJson } from '#core/json/plain-json.ts'
import { readEvent } from '#db/audit/events.ts'
import type { V1App, V1Deps } from '../deps.ts'
import { operatorSecurity, problems } from '../schemas.ts'
import { accountTrailRoute } from './account-trail.ts'
import { answerLines, formatOf } from './audit-lines.ts'
import { auditWords, EventParams, EventsPageView, EventsQuery, EventView, OneEventQuery } from './audit-schemas.ts'
import { type AuditDeps, afterOf, nextOf, recordReading, scopeOf, showEvents } from './read-log.ts'

const most = { json: 200, ocsf: 200, ndjson: 1_000, csv: 1_000 } as const
export const auditTags = { tags: ['audit'], security: operatorSecurity }

export function auditRoutes(app: V1App, deps: V1Deps): void {
  const audit: AuditDeps = { deps, readings: new Readings(), counts: new Counts() }
  app.get(
    '/v1/audit',
    {
      schema: {
        ...auditTags,
        summary: 'Search the audit log',
        querystring: EventsQuery,
        response: { 200: EventsPageView, ...problems },
      },
    },
    (request, reply) => listEvents(audit, request, request.query, reply) as never,
  )
  app.get(
    '/v1/audit/:id',
    {
      schema: {
        ...auditTags,
        summary: 'Show one entry of the audit log',
        params: EventParams,
        querystring: OneEventQuery,
        response: { 200: EventView, ...problems },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await showOne(audit, request, request.params.id, request.query)),
  )
  accountTrailRoute(app, audit)
}

async function listEvents(audit: AuditDeps, request: FastifyRequest, query: Static<typeof EventsQuery>, reply: FastifyReply) {
  const { deps } = audit
  const format = formatOf(request, query.format)
  const limit = query.limit ?? 50
  if (limit > most[format]) throw new BrokerError('malformed_request', { hint: `limit: ${most[format]} at most in this format.` })
  if (format === 'ocsf' && query.private !== undefined)
    throw new BrokerError('malformed_request', { hint: 'What is sealed has no place in an event of OCSF: leave out private.' })
  const tenantId = scopeOf(request, query.tenant)
  const words = wordsOf(query)
  if (words.task !== undefined && tenantId === null)
    throw new BrokerError('malformed_request', { hint: 'Say whose task: send tenant=ten_… as well.' })
  const ascending = query.order === 'oldest'
  const list = `/v1/audit ${tenantId} ${ascending} ${JSON.stringify(words)}`
  const after = afterOf(deps, list, query.cursor)
  const count = query.count === 'exact'
  const read = () => readPage(deps.db, { tenantId, words, ascending, limit, after, count })
  const page = count ? await audit.counts.run(tenantId, read) : await read()
  const items = await showEvents(deps, request, page.events, query.private)
  const filters = { ...namesOf(words), ...(query.private === 'open' && { private: 'open' }) }
  await recordReading(audit, request, tenantId, filters, items.length)
  const next = nextOf(deps, list, page)
  reply.header('cache-control', 'no-store')
  if (format === 'ndjson' || format === 'csv') return answerLines(reply, format, items, next)
  // Its items have members that no schema of ours names.
  if (format === 'ocsf') reply.serializer(plainJson)
  return {
    items:
      format === 'ocsf' ? page.events.map(({ body, ...event }) => toOcsf({ ...event, ...(body !== null && { body }) })) : items,
    ...(next !== undefined && { next_cursor: next }),
    complete_to: page.completeTo,
    behind: page.behind,
    ...(page.count !== undefined && { count: page.count }),
  }
}

/** The words alone, in one order, so that a cursor belongs to the question and not to how it was written down. */
function wordsOf(query: Static<typeof EventsQuery>): AuditWords {
  const names = Object.keys(auditWords) as (keyof AuditWords)[]
  return Object.fromEntries(names.flatMap(name => (query[name] === undefined ? [] : [[name, query[name]]])))
}

async function showOne(audit: AuditDeps, request: FastifyRequest, name: string, query: Static<typeof OneEventQuery>) {
  const { deps } = audit
  const tenantId = scopeOf(request, query.tenant)
  const position = await locateEvent(deps.db, tenantId, name)
  const found = position === undefined ? undefined : await readEvent(deps.db, tenantId, position)
  if (!found) throw new BrokerError('not_found')
  const [shown] = await showEvents(deps, request, [found], query.private)
  const filters = { position: found.position, ...(query.private === 'open' && { private: 'open' }) }
  await recordReading(audit, request, tenantId, filters, 1)
  return shown!
}
