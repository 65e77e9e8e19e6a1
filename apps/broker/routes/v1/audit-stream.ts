// The log as it grows: a long answer of one JSON line for each entry (NDJSON), which goes on where the cursor of an earlier line says.
// A tenant's operators follow their tenant's entries; whoever has the whole deployment, all. That somebody follows is an entry itself.

import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import type { FactsOf } from '#core/audit/catalogue/catalogue.ts'
import { recordEvent } from '#core/audit/record.ts'
import { decisions } from '#core/audit/stream/decision.ts'
import { type AuditFilter, createFilter, reasonPattern, typePattern } from '#core/audit/stream/filter.ts'
import type { EndOfStream, OpenStream } from '#core/audit/stream/log-streams.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatUuid } from '#core/ids/id.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { LogHead } from '#db/audit-stream/log-range.ts'
import { principalOf } from '../../http/access.ts'
import type { Cursors } from '../../http/cursor.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, operatorSecurity, problems } from './schemas.ts'

/** Query strings hold text. */
const YesOrNo = (standard: 'true' | 'false', description: string) =>
  Type.Enum(['true', 'false'] as const, { default: standard, description })

const Query = Type.Object(
  {
    after: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'cursor of the last line that the caller has, or start: from the first entry. Left out: from now on.',
      }),
    ),
    from: Type.Optional(Type.String({ maxLength: 40, description: 'In place of after: nothing older. RFC 3339.' })),
    follow: Type.Optional(YesOrNo('true', 'false: it ends where the log ends now.')),
    type: Type.Optional(
      Type.String({
        maxLength: 1_000,
        description: 'Types separated by commas: token.issued, or all below a word: token.*',
      }),
    ),
    decision: Type.Optional(Type.Enum([...decisions])),
    agent: Type.Optional(Id('agent')),
    account: Type.Optional(Id('account')),
    jti: Type.Optional(Id('token')),
    actor: Type.Optional(Type.String({ maxLength: 60, description: 'Who did it: crd_…, psn_… or agt_…' })),
    reason: Type.Optional(Type.String({ pattern: reasonPattern, description: 'A reason code, or its beginning: scope*' })),
    leaf: Type.Optional(YesOrNo('false', 'Whether the exact leaf stands in each line.')),
    format: Type.Optional(
      Type.Enum(['entry', 'ocsf'] as const, {
        description:
          'ocsf: what happened stands under ocsf, as an event of schema.ocsf.io; position, after and cursor beside it.',
      }),
    ),
  },
  closed,
)
type QueryOf = Static<typeof Query>

const schema = {
  tags: ['audit'],
  security: operatorSecurity,
  summary: 'The log as it grows, a line for each entry, with heartbeats while nothing happens',
  querystring: Query,
  response: {
    200: {
      description: 'docs/how-to/siem.md says what a line holds.',
      content: { 'application/x-ndjson': { schema: Type.String() } },
    },
    ...problems,
  },
} as const

/** Entries that were written together may stand in another order than their times. */
const slackMs = 60_000
/** Who takes nothing for so long is sent away, and comes back with its cursor. */
const tooSlowMs = 30_000

export function auditStreamRoute(app: V1App, deps: V1Deps): void {
  app.get('/v1/audit/stream', { schema }, async (request, reply) => {
    const principal = principalOf(request)
    const filter = filterOf(request.query)
    const head = await deps.logStreams.head()
    const after = await startOf(deps, principal, request.query, head)
    const stream = deps.logStreams.admit(principal)
    try {
      const opened = openedFacts(request.query, filter, after)
      await record(deps, principal, { type: 'audit_stream.opened', facts: { ...actorFacts(principal), ...opened } })
    } catch (error) {
      stream.free()
      throw error
    }
    void serve(deps, { principal, stream, reply: reply as never, query: request.query, filter, after, shard: head.shard })
    return reply
  })
}

/** Throws `malformed_request`, `invalid_cursor`. Returns the last position that the reader has. */
async function startOf(deps: V1Deps, principal: Principal, query: QueryOf, head: LogHead): Promise<number> {
  const { after, from } = query
  if (after !== undefined && from !== undefined)
    throw new BrokerError('malformed_request', { hint: 'Say where to begin once: by after, or by from.' })
  if (from !== undefined) return (await deps.logStreams.positionAt(timeOf(from) - slackMs)) - 1
  if (after === undefined) return head.size - 1
  if (after === 'start') return -1
  const position = readPosition(deps.cursors, principal, head.shard, after)
  if (position >= head.size) throw new BrokerError('invalid_cursor', { hint: 'The log does not reach there.' })
  return position
}

function timeOf(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw new BrokerError('malformed_request', { hint: 'from is a time such as 2026-11-23T10:00:00Z.' })
  return ms
}

function filterOf({ type, decision, agent, account, jti, actor, reason, from }: QueryOf): AuditFilter {
  const types = type?.split(',').map(word => word.trim())
  if (types?.some(word => !new RegExp(typePattern).test(word)))
    throw new BrokerError('malformed_request', { hint: 'type is a type of event such as token.issued, or token.*.' })
  return { types, decision, agent, account, jti, actor, reason, fromMs: from === undefined ? undefined : timeOf(from) }
}

/** A cursor is for one log, and for who may see the same of it. */
const listOf = (shard: string, { tenantId }: Principal): string => `GET /v1/audit/stream ${shard} ${tenantId ?? 'all'}`

/** Positions begin at -1, before the first entry. */
function readPosition(cursors: Cursors, principal: Principal, shard: string, cursor: string): number {
  const id = cursors.read(listOf(shard, principal), cursor)
  return Number(BigInt(`0x${id.replaceAll('-', '')}`)) - 1
}

const writePosition = (cursors: Cursors, principal: Principal) => (shard: string, position: number) =>
  cursors.write(listOf(shard, principal), formatUuid((position + 1).toString(16).padStart(32, '0')))

type Opened = Omit<FactsOf<'audit_stream.opened'>, keyof ReturnType<typeof actorFacts>>

function openedFacts({ follow }: QueryOf, filter: AuditFilter, after: number): Opened {
  const { types, decision, agent, account, jti, reason } = filter
  return {
    position: after + 1,
    follow: follow !== 'false',
    ...(types && { types: [...types] }),
    ...(decision && { decision }),
    ...(agent !== undefined && { agent }),
    ...(account !== undefined && { account }),
    ...(jti !== undefined && { token: jti }),
    ...(reason !== undefined && { reason }),
  }
}

interface Serving {
  readonly principal: Principal
  readonly stream: OpenStream
  readonly reply: FastifyReply
  readonly query: QueryOf
  readonly filter: AuditFilter
  readonly after: number
  readonly shard: string
}

async function serve(deps: V1Deps, serving: Serving): Promise<void> {
  const { principal, stream, reply, query, filter, after, shard } = serving
  const { raw } = reply
  reply.hijack()
  raw.on('error', () => stream.stop('left'))
  raw.once('close', () => stream.stop('left'))
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'application/x-ndjson',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  raw.flushHeaders()
  const [follow, leaf] = [query.follow !== 'false', query.leaf === 'true']
  const wanted = createFilter(principal.tenantId, filter)
  const write = (text: string): Promise<void> => writeTo(raw, text, why => stream.stop(why))
  const { why, position, entries, error } = await stream.run(
    { after, shard, wanted, follow, leaf, ocsf: query.format === 'ocsf', write },
    writePosition(deps.cursors, principal),
  )
  stream.free()
  // Only a stream that is complete ends as one: whoever was cut off is to see that, and to come back.
  if (why === 'end') raw.end()
  else raw.destroy()
  if (why === 'failed') reply.log.warn({ err: error }, 'a stream of the log could not go on')
  await record(deps, principal, {
    type: 'audit_stream.ended',
    facts: { ...actorFacts(principal), position, entries, why },
  }).catch(err => reply.log.warn({ err }, 'the end of a stream of the log could not be noted'))
}

/** Resolves when there is room for more. Rejects when nobody takes it any more. */
function writeTo(raw: ServerResponse, text: string, stop: (why: EndOfStream) => void): Promise<void> {
  if (raw.destroyed) return Promise.reject(new Error('the reader has left'))
  if (raw.write(text)) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle('too_slow'), tooSlowMs)
    const drained = (): void => settle(undefined)
    const left = (): void => settle('left')
    const settle = (why: EndOfStream | undefined): void => {
      clearTimeout(timer)
      raw.off('drain', drained)
      raw.off('close', left)
      if (why === undefined) resolve()
      else {
        stop(why)
        reject(new Error(`the reader is gone: ${why}`))
      }
    }
    raw.once('drain', drained)
    raw.once('close', left)
  })
}

type Noted = { [T in 'audit_stream.opened' | 'audit_stream.ended']: { readonly type: T; readonly facts: FactsOf<T> } }

async function record(deps: V1Deps, { tenantId }: Principal, event: Noted[keyof Noted]): Promise<void> {
  await deps.db
    .forTenant(tenantId)
    .transaction()
    .execute(trx => recordEvent(trx, { ...event, tenantId }, deps.clock.nowMs()))
}
