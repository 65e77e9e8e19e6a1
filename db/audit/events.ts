// Events of the log, found through its projection. What a filter may say, and what each part of it costs: docs/decisions/0035-projection.md.

import { sql } from 'kysely'
import type { Executor } from '../unscoped-db.ts'

export type DecisionCode = 'a' | 'd' | 'f'

/** All of it must hold. Ids are uuids. */
export interface EventFilter {
  /** Any of them; also what guards reported of them. */
  readonly accounts?: readonly string[]
  /** Any of them (`taskKey`): the openings of their accounts. */
  readonly tasks?: readonly string[]
  readonly agent?: string
  readonly token?: string
  /** A credential; a person who did it; a person who let it pass. */
  readonly actor?: string
  readonly person?: string
  readonly approver?: string
  /** What was registered, changed or proposed. */
  readonly about?: string
  /** Any of these types, or types that begin so. */
  readonly types?: readonly string[]
  readonly prefixes?: readonly string[]
  readonly decisions?: readonly DecisionCode[]
  /** Only of accounts that have no event of this type. */
  readonly without?: string
  readonly reason?: string
  readonly reason_prefix?: string
  /** Milliseconds since the epoch; from ≤ time < before. */
  readonly from?: number
  readonly before?: number
}

export interface FoundEvent {
  readonly position: number
  /** The exact bytes that were hashed, as text. */
  readonly leaf: string
  /** null once retention has dropped it. */
  readonly body: string | null
  readonly retention: number | null
  readonly decision: DecisionCode | null
  readonly reason: string | null
}

export interface EventQuery {
  /** uuid; null: events of all tenants and of the deployment. */
  readonly tenantId: string | null
  readonly filter: EventFilter
  /** Both included. */
  readonly first: number
  readonly last: number
  readonly ascending: boolean
  readonly limit: number
  /** After so long what was found is enough. */
  readonly budgetMs: number
}

export interface FoundEvents {
  readonly events: readonly FoundEvent[]
  /** Where the time was up: the last position that was looked at; undefined: there is no more, or the limit is reached. */
  readonly stoppedAt: number | undefined
}

const columns = sql`e.position::float8 as position, e.leaf, e.body, e.retention, e.decision, e.reason`

export async function findEvents(db: Executor, query: EventQuery): Promise<FoundEvents> {
  const { tenantId, filter, first, last, ascending, limit, budgetMs } = query
  const { rows } = await sql<Omit<FoundEvent, 'leaf'> & { readonly leaf: string | null }>`
    select ${columns} from across.find_events(${tenantId}::uuid, ${JSON.stringify(filter)}::jsonb, ${first}::bigint, ${last}::bigint,
      ${ascending}::boolean, ${limit}::integer, ${budgetMs}::integer) e`.execute(db)
  const stop = rows.at(-1)
  const stopped = stop !== undefined && stop.leaf === null
  return { events: (stopped ? rows.slice(0, -1) : rows) as FoundEvent[], stoppedAt: stopped ? stop.position : undefined }
}

/** How many there are, exactly: each of them is looked at. Of `query` neither limit nor budget nor order matter. */
export async function countEvents(
  db: Executor,
  { tenantId, filter, first, last }: Pick<EventQuery, 'tenantId' | 'filter' | 'first' | 'last'>,
): Promise<number> {
  const { rows } = await sql<{ readonly count: number }>`
    select across.count_events(${tenantId}::uuid, ${JSON.stringify(filter)}::jsonb, ${first}::bigint, ${last}::bigint)::float8 as count`.execute(
    db,
  )
  return rows[0]!.count
}

/** The positions between which all events with a time from ≤ time ≤ to stand, both in milliseconds; last < first: there is none. */
export async function positionsBetween(
  db: Executor,
  fromMs: number | undefined,
  toMs: number | undefined,
): Promise<{ readonly first: number; readonly last: number }> {
  const { rows } = await sql<{ readonly first: number; readonly last: number }>`
    select p.first::float8 as first, p.last::float8 as last from across.positions_between(
      to_timestamp(${fromMs ?? null}::float8 / 1000), to_timestamp(${toMs ?? null}::float8 / 1000)) p`.execute(db)
  return rows[0]!
}

/** tenantId null: of whichever tenant. */
export async function readEvent(db: Executor, tenantId: string | null, position: number): Promise<FoundEvent | undefined> {
  const { rows } = await sql<FoundEvent>`
    select ${columns} from across.read_event(${tenantId}::uuid, ${position}::bigint) e`.execute(db)
  return rows[0]
}

/** Agents that a tenant ever had, uuids. */
export async function readAgentsEver(db: Executor, tenantId: string): Promise<string[]> {
  const { rows } = await sql<{ readonly agent: string }>`select agent from across.agents_ever(${tenantId}::uuid) agent`.execute(
    db,
  )
  return rows.map(({ agent }) => agent)
}
