import type { Page } from '#db/registry/page.ts'
import type { Cursors } from '../../http/cursor.ts'

const STANDARD_LIMIT = 50

/**
 * One page of a list. list: which list, and whose, so that its cursors fit no other. One row more than asked for is read, to
 * know whether there is a next page.
 */
export async function answerPage<Row extends { readonly id: string }, View>(
  cursors: Cursors,
  list: string,
  query: { readonly limit?: number; readonly cursor?: string },
  read: (page: Page) => Promise<readonly Row[]>,
  toView: (row: Row) => View,
): Promise<{ items: View[]; next_cursor?: string }> {
  const limit = query.limit ?? STANDARD_LIMIT
  const afterId = query.cursor === undefined ? undefined : cursors.read(list, query.cursor)
  const rows = await read({ afterId, limit: limit + 1 })
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items: items.map(toView), ...(rows.length > limit && last && { next_cursor: cursors.write(list, last.id) }) }
}
