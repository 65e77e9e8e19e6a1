import { recordEvent } from '#core/audit/record.ts'
import { formatId } from '#core/ids/id.ts'
import type { Trx } from '#db/connect.ts'
import { withdrawChangesOf } from '#db/operators/changes.ts'
import { actorFacts, type Principal } from '../principal.ts'

/** What these credentials had proposed falls with them; an event each. actor: who ended them. credentialIds: uuids. */
export async function withdrawProposals(
  trx: Trx,
  actor: Principal,
  credentialIds: readonly string[],
  nowMs: number,
): Promise<void> {
  for (const { id, tenantId } of await withdrawChangesOf(trx, credentialIds)) {
    const facts = { ...actorFacts(actor), change: formatId('change', id), withdrawn: true }
    await recordEvent(trx, { type: 'change.rejected', tenantId, facts }, nowMs)
  }
}
