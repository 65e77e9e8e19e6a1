import type { Sql } from 'postgres'

/** A day that is over, and how many of its checkpoints nothing needs any more. */
export interface SpareCheckpoints {
  /** YYYY-MM-DD, UTC. */
  readonly day: string
  readonly spare: number
}

export async function findSpareCheckpoints(sql: Sql): Promise<SpareCheckpoints[]> {
  const rows = await sql<SpareCheckpoints[]>`select day, spare::float8 as spare from log.checkpoints_due()`
  return [...rows]
}

/** Takes them, with the event that tells of it. False: somebody else has. */
export async function thinCheckpoints(
  sql: Sql,
  { day, spare }: SpareCheckpoints,
  event: { readonly leaf: string; readonly body: string },
): Promise<boolean> {
  const [row] = await sql<[{ done: boolean }]>`
    select log.thin_checkpoints(${day}, ${String(spare)}::bigint, ${event.leaf}, ${event.body}) as done`
  return row.done
}
