import { type RawBuilder, sql } from 'kysely'
import type { Executor } from '../unscoped-db.ts'

/** Leaves that one transaction projects. */
const standardBatch = 2_000

const one = async <Row>(query: RawBuilder<Row>, db: Executor): Promise<Row> => (await query.execute(db)).rows[0]!

/**
 * Projects leaves that have come since, in batches of one transaction each, until none are left or `enough` are done. Returns how many.
 * Any number of processes may call it: one at a time does the work, the others find nothing to do.
 */
export async function projectLog(db: Executor, enough = Number.POSITIVE_INFINITY, batch = standardBatch): Promise<number> {
  let total = 0
  for (;;) {
    const { count } = await one(sql<{ count: number }>`select log.project_events(${batch}) as count`, db)
    total += count
    if (count === 0 || total >= enough) return total
  }
}

export interface ProjectionState {
  /** Every leaf before this position is projected. */
  readonly position: number
  /** How many leaves the log has. */
  readonly size: number
}

export function readProjection(db: Executor): Promise<ProjectionState> {
  return one(sql<ProjectionState>`select position::float8 as position, size::float8 as size from across.projected()`, db)
}
