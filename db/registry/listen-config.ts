import type { Sql } from 'postgres'

export interface ConfigListener {
  close(): Promise<void>
}

/**
 * Hears of every committed change to a tenant's registry (NOTIFY `mayfly_config`, payload: the tenant's uuid). While the
 * listening connection was away nothing was heard, so `onReconnected` is called when it is back. Resolves when it listens.
 */
export async function listenForConfig(
  sql: Sql,
  handlers: { onChange(tenantId: string): void; onReconnected(): void },
): Promise<ConfigListener> {
  let listening = false
  const { unlisten } = await sql.listen(
    'mayfly_config',
    payload => handlers.onChange(payload),
    () => {
      if (listening) handlers.onReconnected()
      listening = true
    },
  )
  return { close: unlisten }
}
