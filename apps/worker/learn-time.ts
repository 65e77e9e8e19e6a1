import type { DatabaseClock } from '#core/time/database-clock.ts'
import type { Database } from '#db/connect.ts'
import { readClock } from '#db/server/check-server.ts'

/** Sets the clock by the database's. */
export async function learnTime({ sql }: Pick<Database, 'sql'>, clock: DatabaseClock): Promise<void> {
  const sent = clock.mark()
  clock.learn(await readClock(sql), sent, clock.mark())
}
