// A page of events. Its cursor is a position, so pages are stable: what comes later stands behind every earlier position, and nothing
// moves. A page is read within a budget of time. Where it is used up by entries that the filter does not let through, the page is short, perhaps
// empty, and its cursor goes on from there: "no more" is said by the missing cursor and by nothing else.

import { taskKey } from '#core/account/account.ts'
import { countEvents, type EventFilter, type FoundEvent, findEvents, positionsBetween, readAgentsEver } from '#db/audit/events.ts'
import { projectLog, readProjection } from '#db/audit/projection.ts'
import type { Executor } from '#db/unscoped-db.ts'
import { type AuditWords, filterOf } from './words.ts'

export interface PageRequest {
  /** uuid; null: all tenants, and the deployment. */
  readonly tenantId: string | null
  readonly words: AuditWords
  /** uuids of accounts beside those that the words name; undefined: as the words say. */
  readonly accounts?: readonly string[]
  readonly ascending: boolean
  readonly limit: number
  /** The position behind which the page begins; undefined: the first page. */
  readonly after?: number | undefined
  readonly count?: boolean
}

export interface EventsPage {
  readonly events: readonly FoundEvent[]
  /** Behind which position the next page begins; undefined: there is none. */
  readonly next: number | undefined
  /** All that the filter lets through, whatever the page; undefined: not asked for. */
  readonly count: number | undefined
  /** Every entry before this position was looked at. */
  readonly completeTo: number
  /** Entries that the log has beyond that: they are found in a moment. */
  readonly behind: number
}

const budgetMs = 60
/** What a reader projects itself when the worker has not yet: some ten milliseconds of work. */
const catchUpEntries = 500

/** Throws BrokerError `malformed_request` for words that mean nothing. */
export async function readPage(db: Executor, request: PageRequest): Promise<EventsPage> {
  const { tenantId, ascending, limit, after } = request
  const filter = await fullFilter(db, request)
  const { position: completeTo, size } = await catchUp(db)
  const bounds = await boundsOf(db, filter, completeTo)
  const first = ascending && after !== undefined ? Math.max(bounds.first, after + 1) : bounds.first
  const last = !ascending && after !== undefined ? Math.min(bounds.last, after - 1) : bounds.last
  const query = { tenantId, filter, first, last, ascending, limit: limit + 1, budgetMs }
  const found = last < first ? { events: [], stoppedAt: undefined } : await findEvents(db, query)
  const events = found.events.slice(0, limit)
  const next = found.events.length > limit ? events.at(-1)!.position : found.stoppedAt
  const count = request.count ? await countEvents(db, { tenantId, filter, ...bounds }) : undefined
  return { events, next, count, completeTo, behind: Math.max(0, size - completeTo) }
}

async function fullFilter(db: Executor, { tenantId, words, accounts }: PageRequest): Promise<EventFilter> {
  const filter = filterOf(words)
  if (accounts !== undefined) return { ...filter, accounts }
  const { task } = words
  if (task === undefined || tenantId === null) return filter
  // A task belongs to an agent: one that is named, or any that the tenant ever had.
  const agents = filter.agent !== undefined ? [filter.agent] : await readAgentsEver(db, tenantId)
  return narrow(
    filter,
    await accountsOf(
      db,
      tenantId,
      agents.map(agent => taskKey(agent, task)),
    ),
  )
}

/** The accounts that were opened for these tasks. */
async function accountsOf(db: Executor, tenantId: string, tasks: readonly string[]): Promise<string[]> {
  if (tasks.length === 0) return []
  const { position } = await catchUp(db)
  const query = { tenantId, filter: { tasks }, first: 0, last: position, ascending: true, limit: 200, budgetMs }
  const { events } = await findEvents(db, query)
  return events.flatMap(({ leaf }) => (JSON.parse(leaf) as { account?: string }).account ?? [])
}

function narrow(filter: EventFilter, accounts: readonly string[]): EventFilter {
  return { ...filter, accounts: filter.accounts ? accounts.filter(account => filter.accounts!.includes(account)) : accounts }
}

async function boundsOf(db: Executor, { from, before }: EventFilter, completeTo: number) {
  const all = { first: 0, last: completeTo - 1 }
  if (from === undefined && before === undefined) return all
  const { first, last } = await positionsBetween(db, from, before)
  return { first, last: Math.min(last, all.last) }
}

/** So that whoever looks for what just happened finds it, worker or no worker. */
export async function catchUp(db: Executor): Promise<{ readonly position: number; readonly size: number }> {
  const state = await readProjection(db)
  if (state.size === state.position) return state
  await projectLog(db, 1, catchUpEntries)
  return readProjection(db)
}
