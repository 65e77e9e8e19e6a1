// GET /v1/audit/entries: the log as it stands in the database, stretch by stretch, for exports. Whoever has the whole deployment gets every
// entry with its body, which goes with the tiles under /log; a tenant gets its own entries alone, each with a proof that leads up to the
// checkpoint that it names. The rows are shown as they are, not as they were sealed: an export tells what became of them.

import { setImmediate } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { readEntry } from '#core/audit/catalogue/entry.ts'
import { toOcsf } from '#core/audit/catalogue/ocsf.ts'
import { createEntryProver, type ProveEntry } from '#core/audit/export/prove-entries.ts'
import { type ShownEvent, showEvent } from '#core/audit/query/show-event.ts'
import { decisionOf } from '#core/audit/stream/decision.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { asciiJson } from '#core/json/plain-json.ts'
import type { LogEntry } from '#db/log/read-entries.ts'
import { readEntriesBetween } from '#db/log/read-range.ts'
import { readOrRefuse } from '../../../sealed-logs.ts'
import type { V1App, V1Deps } from '../deps.ts'
import { closed, Id, operatorSecurity, problems } from '../schemas.ts'
import { answerLines } from './audit-lines.ts'
import { scopeOf } from './read-log.ts'
import { RecordedExports } from './recorded-exports.ts'

/** Positions that one call goes over: eight bundles. More would keep whoever wants a token meanwhile waiting. */
export const mostPositions = 2_048
/** After so many proofs, 80 µs each, others have their turn. */
const proofsAtOnce = 64

const Position = (description: string) => Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description })
const Query = Type.Object(
  {
    from: Position('The first position.'),
    to: Position(`The position behind the last one, ${mostPositions} further at most.`),
    size: Type.Optional(
      Position('Entries of the checkpoint that a tenant’s proofs lead up to, and where an export ends. Left out: no proofs.'),
    ),
    tenant: Type.Optional(Id('tenant', 'For a platform-admin: this tenant’s entries alone. Left out: all.')),
    format: Type.Optional(
      Type.Enum(['entries', 'ndjson', 'csv', 'ocsf'], {
        default: 'entries',
        description:
          'In place of leaves: events as GET /v1/audit shows them, as lines of JSON or CSV; or those of schema.ocsf.io.',
      }),
    ),
  },
  closed,
)
type QueryOf = Static<typeof Query>

const schema = {
  tags: ['audit'],
  security: operatorSecurity,
  summary: 'A stretch of the log as it stands, a JSON line for each entry, for exports',
  querystring: Query,
  response: {
    200: {
      description:
        'Lines of {position, leaf, body?, proof?}: body as the leaf commits to it, missing where retention dropped it.',
      content: { 'application/x-ndjson': { schema: Type.String() } },
    },
    ...problems,
  },
} as const

export function auditEntriesRoute(app: V1App, deps: V1Deps): void {
  const recorded = new RecordedExports(deps)
  app.get('/v1/audit/entries', { schema }, (request, reply) => answer(deps, recorded, request, request.query, reply) as never)
}

async function answer(deps: V1Deps, recorded: RecordedExports, request: FastifyRequest, query: QueryOf, reply: FastifyReply) {
  const tenantId = scopeOf(request, query.tenant)
  const { from, to, size } = query
  if (to < from || to - from > mostPositions)
    throw new BrokerError('malformed_request', { hint: `to: at least from, and at most ${mostPositions} behind it.` })
  if (size !== undefined && to > size) throw new BrokerError('malformed_request', { hint: 'to: not behind size.' })
  const named = query.format ?? 'entries'
  const format = named !== 'entries' ? named : tenantId === null ? 'tiles' : 'entries'
  const prove = named === 'entries' ? await proverFor(deps, tenantId, size) : undefined
  // First that it is known, then what is in it. What is not there yet cannot be told of beforehand.
  const head = await deps.logStreams.head()
  await recorded.record(request, tenantId, { format, from, to: Math.max(from, Math.min(size ?? to, head.size)) })
  const all = await readEntriesBetween(deps.db, from, to)
  const entries = tenantId === null ? all : all.filter(({ leaf }) => leaf.includes(`"tenant":"${tenantId}"`))
  reply.header('cache-control', 'no-store')
  if (named === 'ndjson' || named === 'csv') return answerLines(reply, named, entries.map(showStored), undefined)
  const lines = named === 'ocsf' ? await ocsfLines(deps, entries) : await entryLines(entries, prove)
  reply.type('application/x-ndjson; charset=utf-8')
  reply.serializer((text: unknown) => text as string)
  return lines.join('')
}

/** As the search shows it, but from the log itself: what is exported does not wait for the projection. */
function showStored({ position, leaf, body }: LogEntry): ShownEvent {
  const { leaf: read, facts = {} } = readEntry({ position, leaf, body })
  const decision = decisionOf(read.type, facts)
  const reason = [facts['reason'], facts['why'], facts['code']].find(value => typeof value === 'string')
  const found = { position, leaf, body: body ?? null, retention: null, decision: null, reason: null }
  return { ...showEvent(found), ...(decision && { decision }), ...(reason !== undefined && { reason: reason as string }) }
}

/** Proofs are for tenants: who has every entry has the tree itself. */
async function proverFor(deps: V1Deps, tenantId: string | null, size: number | undefined): Promise<ProveEntry | undefined> {
  if (tenantId === null || size === undefined) return undefined
  const { shard } = await deps.logs.shard()
  const { checkpoint } = await deps.logs.tree()
  if (size > checkpoint.size)
    throw new BrokerError('malformed_request', { hint: `size: the log is sealed up to ${checkpoint.size}.` })
  return createEntryProver(size, path => deps.logs.read(shard, path))
}

async function entryLines(entries: readonly LogEntry[], prove: ProveEntry | undefined): Promise<string[]> {
  const lines: string[] = []
  for (const [at, { position, leaf, body }] of entries.entries()) {
    if (prove && at % proofsAtOnce === proofsAtOnce - 1) await setImmediate()
    const proof = prove && (await readOrRefuse(prove(position)))
    lines.push(`${asciiJson({ position, leaf, ...(body !== undefined && { body }), ...(proof && { proof }) })}\n`)
  }
  return lines
}

async function ocsfLines(deps: V1Deps, entries: readonly LogEntry[]): Promise<string[]> {
  // The log's name is worth having, but events can be exported where nothing is sealed.
  const origin = await deps.logs.shard().then(
    shard => shard.origin,
    () => undefined,
  )
  return entries.map(entry => `${asciiJson(toOcsf(entry, origin))}\n`)
}
