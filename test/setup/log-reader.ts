import type { Sql } from 'postgres'

/** An entry of the audit log as it stands there. `body` is undefined for an event without one. */
export interface LoggedEvent {
  readonly position: number
  readonly leafText: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly leaf: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly body: any
}

/** Entries from a position on, oldest first. admin: a superuser's connection. */
export async function readLog(admin: Sql, from = 0): Promise<LoggedEvent[]> {
  const rows = await admin<{ position: bigint; leaf: string; body: string | null }[]>`
    select e.position, e.leaf, b.body from log.entry e left join log.body b using (position)
     where e.position >= ${from} order by e.position`
  return rows.map(({ position, leaf, body }) => ({
    position: Number(position),
    leafText: leaf,
    leaf: JSON.parse(leaf),
    body: body === null ? undefined : JSON.parse(body),
  }))
}

/** How many entries the log has: the position of the next one. */
export async function logSize(admin: Sql): Promise<number> {
  const [head] = await admin<{ size: bigint }[]>`select size from log.head`
  return Number(head!.size)
}

/** How many accounts there are. */
export async function countAccounts(admin: Sql): Promise<number> {
  const [row] = await admin<{ n: number }[]>`select count(*)::int as n from mayfly.account`
  return row!.n
}
