// One sealer at a time: an advisory lock lives as long as the connection that took it, so a process that dies frees it. It only
// saves work; that two sealers cannot sign two histories rests on what they claim in the tile store (docs/decisions/0032-sealer.md).

import pg from 'pg'

export interface SealerLock {
  /** Whether this process holds it; tries to take it when not. Rejects when the database cannot be asked. */
  hold(): Promise<boolean>
  close(): Promise<void>
}

const key = [7201, 37]

/** url: as of `openDatabase`. Connects on first use, and again when the connection was lost. */
export function createSealerLock(url: string): SealerLock {
  let client: pg.Client | undefined
  let held = false
  const drop = async (): Promise<void> => {
    const old = client
    client = undefined
    held = false
    await old?.end().catch(() => {})
  }
  const connect = async (): Promise<pg.Client> => {
    const fresh = new pg.Client({
      connectionString: url,
      application_name: 'mayfly-sealer',
      connectionTimeoutMillis: 2_000,
      query_timeout: 5_000,
      keepAlive: true,
    })
    const lost = (): void => {
      if (client !== fresh) return
      client = undefined
      held = false
    }
    fresh.on('error', lost)
    fresh.on('end', lost)
    await fresh.connect()
    return fresh
  }
  return {
    async hold() {
      try {
        client ??= await connect()
        // Asked each time: a connection that is gone is noticed before more is signed, not after.
        const { rows } = await client.query<{ held: boolean }>(
          held ? 'select true as held' : 'select pg_try_advisory_lock($1, $2) as held',
          held ? [] : key,
        )
        held = rows[0]?.held === true && client !== undefined
        return held
      } catch (error) {
        await drop()
        throw error
      }
    },
    close: drop,
  }
}
