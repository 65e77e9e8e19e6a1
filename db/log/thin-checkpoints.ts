import type { Sql } from 'postgres'

/** An hour that is over, and how many of its checkpoints nothing needs any more. */
export interface SpareCheckpoints {
  /** YYYY-MM-DDTHH, UTC. */
  readonly hour: string
  readonly spare: number
}

export async function findSpareCheckpoints(sql: Sql): Promise<SpareCheckpoints[]> {
  const rows = await sql<SpareCheckpoints[]>`select hour, spare::float8 as spare from log.checkpoints_due()`
  return [...rows]
}

/** Takes them, with the event that tells of it. False: somebody else has. */
export async function thinCheckpoints(
  sql: Sql,
  { hour, spare }: SpareCheckpoints,
  event: { readonly leaf: string; readonly body: string },
): Promise<boolean> {
  const [row] = await sql<[{ done: boolean }]>`
    select log.thin_checkpoints(${hour}, ${String(spare)}::bigint, ${event.leaf}, ${event.body}) as done`
  return row.done
}
