import type { Sql } from 'postgres'

const batch = 500

export interface DroppedHistory {
  readonly revocations: number
  readonly acknowledgements: number
  readonly receivers: number
}

/** Collects what of all feeds nobody can ask about any more; in batches, each a transaction of its own. */
export async function dropFeedHistory(sql: Sql): Promise<DroppedHistory> {
  const total = { revocations: 0, acknowledgements: 0, receivers: 0 }
  for (;;) {
    const [row] = await sql<[DroppedHistory]>`select * from across.drop_feed_history(${batch})`
    total.revocations += row.revocations
    total.acknowledgements += row.acknowledgements
    total.receivers += row.receivers
    if (Math.max(row.revocations, row.acknowledgements, row.receivers) < batch) return total
  }
}
