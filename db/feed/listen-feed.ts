import type { Sql } from 'postgres'

const payloadForm = /^([0-9a-f-]{36}) ([0-9]{1,16})$/

/**
 * Hears of every committed revocation (NOTIFY `mayfly_feed`, payload: the tenant's uuid and the epoch that its feed has come to).
 * While the listening connection was away nothing was heard: `onReconnected`. Resolves when it listens.
 */
export async function listenForFeed(
  sql: Sql,
  handlers: { onAnnounced(tenantId: string, epoch: number): void; onReconnected(): void },
): Promise<void> {
  let listening = false
  await sql.listen(
    'mayfly_feed',
    payload => {
      const found = payloadForm.exec(payload)
      if (found) handlers.onAnnounced(found[1]!, Number(found[2]))
    },
    () => {
      if (listening) handlers.onReconnected()
      listening = true
    },
  )
}
