import type { Sql } from 'postgres'

export interface SsfListener {
  close(): Promise<void>
}

/** Hears of tenants whose streams may have something to send. Hints only: what is lost is found by looking. Resolves when it listens. */
export async function listenForSsf(sql: Sql, onTenant: (tenantId: string) => void): Promise<SsfListener> {
  const heard = (payload: string): void => onTenant(payload.split(' ')[0]!)
  const channels = await Promise.all(['mayfly_feed', 'mayfly_ssf'].map(channel => sql.listen(channel, heard)))
  return {
    close: async () => {
      await Promise.all(channels.map(({ unlisten }) => unlisten()))
    },
  }
}
