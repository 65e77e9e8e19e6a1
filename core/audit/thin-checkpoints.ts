// A checkpoint a second is thirty million a year. All of the last two days stay; before them the last of each hour, and whatever a fork or
// a witness names. The database says what may go (`log.checkpoint_stays`), whoever asks.

import type { Sql } from 'postgres'
import { findSpareCheckpoints, thinCheckpoints } from '#db/log/thin-checkpoints.ts'
import { prepareEvent } from './event.ts'

/** nowMs: the database's clock. Returns how many went. Throws where the database cannot be reached. */
export async function thinOldCheckpoints(sql: Sql, nowMs: number): Promise<number> {
  let gone = 0
  for (const due of await findSpareCheckpoints(sql)) {
    const facts = { hour: due.hour, checkpoints: due.spare }
    const event = prepareEvent({ type: 'log.thinned', tenantId: null, facts }, nowMs)
    if (await thinCheckpoints(sql, due, event)) gone += due.spare
  }
  return gone
}
