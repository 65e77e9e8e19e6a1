import type { Sql } from 'postgres'

/**
 * Hears of every committed erasure (NOTIFY `mayfly_erased`), and of each time that the listening connection was away and nothing was
 * heard. Resolves when it listens.
 */
export async function listenForErasures(sql: Sql, onErasure: () => void): Promise<{ close(): Promise<void> }> {
  const { unlisten } = await sql.listen('mayfly_erased', onErasure, onErasure)
  return { close: unlisten }
}
