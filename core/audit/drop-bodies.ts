// Bodies whose time is over go: a month of a class as a whole where that is so for everybody, else row by row. Leaves stay.

import type { Sql } from 'postgres'
import { recordEvent } from '#core/audit/record.ts'
import { type BodiesDue, dropBodies, findBodiesDue, findExtent, thinBodies } from '#db/erasure/retention.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { prepareEvent } from './event.ts'

/** Entries that one statement goes through. */
const window = 20_000n
const dayMs = 86_400_000

export interface DroppedBodies {
  /** Months of a class that went as a whole: `short 2026-01`. */
  readonly months: string[]
  /** Bodies that went one by one. */
  readonly rows: number
}

/** thinned: which parts were gone through on which day, kept by the caller; what a hold or a longer time keeps is not looked at all day. */
export interface DropDeps {
  readonly sql: Sql
  readonly db: UnscopedDb
  readonly thinned: Map<string, number>
}

/** nowMs: the database's clock. Throws where the database cannot be reached. */
export async function dropOldBodies(deps: DropDeps, nowMs: number): Promise<DroppedBodies> {
  const months: string[] = []
  let rows = 0
  for (const due of await findBodiesDue(deps.sql)) {
    if (due.whole) {
      if (await dropMonth(deps.sql, due, nowMs)) months.push(`${due.class} ${due.month}`)
    } else if (deps.thinned.get(due.partition) !== Math.floor(nowMs / dayMs)) {
      rows += await thin(deps, due, nowMs)
      deps.thinned.set(due.partition, Math.floor(nowMs / dayMs))
    }
  }
  return { months, rows }
}

/** False: whoever reads bodies did not let go in time, or it is not over after all. Another round tries again. */
async function dropMonth(sql: Sql, { partition, class: name, month }: BodiesDue, nowMs: number): Promise<boolean> {
  const event = prepareEvent({ type: 'retention.dropped', tenantId: null, facts: { class: name, month } }, nowMs)
  try {
    return await dropBodies(sql, partition, event)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === '55P03' || code === '40P01') return false
    throw error
  }
}

async function thin({ sql, db }: DropDeps, { partition, class: name, month }: BodiesDue, nowMs: number): Promise<number> {
  const extent = await findExtent(sql, partition)
  if (!extent) return 0
  let bodies = 0
  for (let from = extent.first; from <= extent.last; from += window)
    bodies += await thinBodies(sql, partition, from, from + window)
  if (bodies === 0) return 0
  const event = { type: 'retention.dropped', tenantId: null, facts: { class: name, month, bodies } } as const
  await db
    .forTenant(null)
    .transaction()
    .execute(trx => recordEvent(trx, event, nowMs))
  return bodies
}
