import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import type { Trx } from '#db/connect.ts'
import { findPerson, notePersonLeft } from '#db/operators/people.ts'
import { countOperators, deleteHeld, lockOperators } from '#db/registry/credentials.ts'
import { actorFacts, type Principal } from './principal.ts'
import { withdrawProposals } from './two-person/withdraw.ts'

/**
 * Ends every session of a person and every token that it answers for, with what they had proposed, at once: for somebody who
 * leaves. Accounts that it owns are suspended behind that (`core/claim/suspend-claims.ts`). Returns how many ended. Throws `not_found`, and `conflict` for the holder of the last platform-admin token.
 */
export async function signOutPerson(trx: Trx, actor: Principal, personId: string, nowMs: number): Promise<number> {
  await lockOperators(trx)
  const person = await findPerson(trx, personId, actor.tenantId)
  if (!person) throw new BrokerError('not_found')
  await notePersonLeft(trx, personId, actor.tenantId)
  const ended = await deleteHeld(trx, { personId })
  const heldPlatform = ended.some(({ kind, role }) => kind === 'operator' && role === 'platform-admin')
  if (heldPlatform && (await countOperators(trx, 'platform-admin')) === 0)
    throw new BrokerError('conflict', { hint: 'Among its tokens is the last one of a platform-admin. Create another one first.' })
  const ids = ended.map(({ id }) => id)
  await withdrawProposals(trx, actor, ids, nowMs)
  const facts = { ...actorFacts(actor), person: formatId('person', personId), ended: ended.length }
  await recordEvent(trx, { type: 'person.signed_out', tenantId: actor.tenantId, facts }, nowMs)
  return ended.length
}
