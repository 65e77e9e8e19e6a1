// GET /v1/usage: what tenants, agents and accounts used, folded from the log by the worker. Survives the accounts, for billing.

import type { FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, parseId } from '#core/ids/id.ts'
import { readUsage, readUsageOfTenants, type UsageGroup, type UsageRow } from '#db/quota/usage.ts'
import { principalOf } from '../../http/access.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, operatorSecurity, problems } from './schemas.ts'

const Day = (description: string) => Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', description })
const Query = Type.Object(
  {
    by: Type.Optional(Type.Enum(['tenant', 'agent', 'account', 'day'], { default: 'day' })),
    tenant: Type.Optional(Id('tenant', 'For a platform-admin, who belongs to none; left out with by=tenant: all of them.')),
    agent: Type.Optional(Id('agent')),
    account: Type.Optional(Id('account')),
    from: Type.Optional(Day('First day, UTC; 30 days before the last when left out.')),
    to: Type.Optional(Day('Last day, UTC; today when left out.')),
    format: Type.Optional(Type.Enum(['json', 'csv'], { description: 'Also by Accept: text/csv.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1_000 })),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'next_cursor of the page before.' })),
  },
  closed,
)

const Count = Type.Integer({ minimum: 0 })
const Item = Type.Object(
  {
    day: Type.Optional(Type.String()),
    tenant: Type.Optional(Id('tenant')),
    agent: Type.Optional(Type.Union([Id('agent'), Type.Null()], { description: 'null: what can be put down to none.' })),
    account: Type.Optional(Type.Union([Id('account'), Type.Null()])),
    opened: Count,
    tokens: Count,
    denials: Count,
    calls_allowed: Count,
    calls_refused: Count,
    units: Count,
  },
  closed,
)
const Answer = Type.Object({ items: Type.Array(Item), next_cursor: Type.Optional(Type.String()) }, closed)

const none = '00000000-0000-0000-0000-000000000000'
const counts = ['opened', 'tokens', 'denials', 'calls_allowed', 'calls_refused', 'units'] as const
const dayMs = 86_400_000
const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export function usageRoutes(app: V1App, deps: V1Deps): void {
  const schema = {
    tags: ['usage'],
    security: operatorSecurity,
    summary: 'What was used: accounts opened, tokens, denials, calls, units',
    querystring: Query,
    response: { 200: Answer, ...problems },
  }
  app.get('/v1/usage', { schema }, async (request, reply) => {
    const { query } = request
    const by = query.by ?? 'day'
    const tenantId = tenantOfQuery(principalOf(request).tenantId, query)
    const { from, to } = readDays(query, deps.clock.nowMs())
    const list = `/v1/usage ${tenantId} ${by} ${from} ${to} ${query.agent} ${query.account}`
    const limit = by === 'day' ? 10_000 : (query.limit ?? 1_000)
    const page = {
      from,
      to,
      afterKey: query.cursor === undefined ? undefined : deps.cursors.read(list, query.cursor),
      limit: limit + 1,
    }
    const [agentId, accountId] = [
      query.agent && parseId('agent', query.agent),
      query.account && parseId('account', query.account),
    ]
    const rows =
      tenantId === null
        ? await readUsageOfTenants(deps.db, page)
        : await readUsage(deps.db.forTenant(tenantId), tenantId, { ...page, by, agentId, accountId })
    const shown = rows.slice(0, limit)
    const items = shown.map(row => showRow(by, row))
    const next = rows.length > limit ? deps.cursors.write(list, shown.at(-1)!.key) : undefined
    const wantsCsv = query.format ? query.format === 'csv' : /\btext\/csv\b/.test(request.headers.accept ?? '')
    if (wantsCsv) return answerCsv(reply, by, items, next)
    return { items, ...(next !== undefined && { next_cursor: next }) }
  })
}

/** null: all tenants, each with its sums, which is for who belongs to none. */
function tenantOfQuery(own: string | null, { tenant: named, by, agent, account }: Static<typeof Query>): string | null {
  const wanted = named === undefined ? undefined : parseId('tenant', named)
  if (own !== null && wanted !== undefined && wanted !== own) throw new BrokerError('not_found')
  const tenantId = own ?? wanted
  if (tenantId === undefined && by === 'tenant' && agent === undefined && account === undefined) return null
  if (tenantId === undefined) throw new BrokerError('malformed_request', { hint: 'Say which tenant: send tenant=ten_….' })
  return tenantId
}

/** Throws BrokerError `malformed_request` for a day that does not exist. */
function readDays(query: Static<typeof Query>, nowMs: number): { readonly from: string; readonly to: string } {
  const to = query.to ?? isoDay(nowMs)
  const parse = (name: string, day: string): number => {
    const ms = Date.parse(`${day}T00:00:00Z`)
    if (Number.isNaN(ms) || isoDay(ms) !== day)
      throw new BrokerError('malformed_request', { hint: `${name}: there is no such day.` })
    return ms
  }
  const from = query.from ?? isoDay(parse('to', to) - 30 * dayMs)
  if (parse('from', from) > parse('to', to)) throw new BrokerError('malformed_request', { hint: 'from is after to.' })
  return { from, to }
}

function showRow(by: UsageGroup, row: UsageRow): Static<typeof Item> {
  const numbers = Object.fromEntries(counts.map(name => [name, Number(row[name])])) as Record<(typeof counts)[number], number>
  if (by === 'day') return { day: row.key, ...numbers }
  if (by === 'tenant') return { tenant: formatId('tenant', row.key), ...numbers }
  const agentId = by === 'agent' ? row.key : row.agent_id
  const agent = agentId === null || agentId === none ? null : formatId('agent', agentId)
  if (by === 'agent') return { agent, ...numbers }
  return { account: row.key === none ? null : formatId('account', row.key), agent: row.key === none ? null : agent, ...numbers }
}

/** RFC 4180. Nothing in it needs quotes: ids, days and numbers. */
function answerCsv(
  reply: Pick<FastifyReply, 'header' | 'type' | 'serializer'>,
  by: UsageGroup,
  items: readonly Static<typeof Item>[],
  next: string | undefined,
) {
  const columns = [...(by === 'account' ? (['account', 'agent'] as const) : [by]), ...counts]
  const lines = [columns.join(','), ...items.map(item => columns.map(column => item[column] ?? '').join(','))]
  reply.type('text/csv; charset=utf-8; header=present')
  reply.serializer((text: unknown) => text as string)
  if (next !== undefined) reply.header('next-cursor', next)
  return `${lines.join('\r\n')}\r\n` as never
}
