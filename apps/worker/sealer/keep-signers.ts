import type { Sql } from 'postgres'
import { prepareEvent } from '#core/audit/event.ts'
import { formatHandover } from '#core/tlog/handover.ts'
import { formatVerifierKey, type NoteSigner, signNote } from '#core/tlog/note.ts'
import { keepSigners } from '#db/log/signers.ts'
import { readClock } from '#db/server/check-server.ts'

/** Says which keys sign a log from now on. Where they are others than before, the log itself tells it, and the earlier ones name the newest. */
export async function keepLogSigners(
  sql: Sql,
  log: { readonly shard: string; readonly origin: string; readonly signers: readonly NoteSigner[] },
): Promise<void> {
  const [newest, ...earlier] = log.signers
  const keys = log.signers.map(({ verifierKey }) => formatVerifierKey(verifierKey))
  const facts = { origin: log.origin, keys }
  const event = prepareEvent({ type: 'log.key_changed', tenantId: null, facts }, await readClock(sql))
  const handover = earlier.length > 0 ? signNote(formatHandover(newest!.verifierKey), earlier) : undefined
  await keepSigners(sql, { shard: log.shard, keys, handover }, event)
}
