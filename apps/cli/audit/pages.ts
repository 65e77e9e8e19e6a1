import type { Thing } from '../broker/broker.ts'
import type { Context } from '../command.ts'

export interface Collected {
  readonly items: readonly Thing[]
  readonly next: string | undefined
  /** The last page as it came. */
  readonly body: Thing
}

/** Pages of the log may be short, or empty, and yet not the last: they are read until there are `wanted` events or no more. */
export async function collect(
  { broker }: Context,
  doing: string,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
  wanted: number,
): Promise<Collected> {
  const items: Thing[] = []
  let cursor = query['cursor']
  for (;;) {
    const limit = Math.min(200, wanted - items.length)
    const { body } = await broker().call(doing, { method: 'GET', path, query: { ...query, cursor, limit } })
    items.push(...((body['items'] ?? []) as readonly Thing[]))
    const next = body['next_cursor']
    cursor = typeof next === 'string' ? next : undefined
    if (cursor === undefined || items.length >= wanted) return { items, next: cursor, body }
  }
}
