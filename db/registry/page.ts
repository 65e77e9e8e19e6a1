import { type SelectQueryBuilder, sql } from 'kysely'

/** One page of a list: rows behind `afterId` in the order of ids, which is the order of creation. */
export interface Page {
  readonly afterId: string | undefined
  readonly limit: number
}

/** That page of what a query selects. id: what the rows are ordered by. */
export function readPage<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  { afterId, limit }: Page,
  id = 'id',
): Promise<Row[]> {
  const key = sql.ref<string>(id)
  const behind = afterId === undefined ? query : query.where(key, '>', afterId)
  return behind.orderBy(key).limit(limit).execute()
}
