import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Trx } from '#db/connect.ts'
import { countSignInProviders } from '#db/operators/sign-in-providers.ts'
import { lockTwoPerson, updateTwoPerson } from '#db/operators/two-person.ts'
import { actorFacts, type Principal } from '../principal.ts'
import { type ChangeClass, changeClasses } from './change-class.ts'

/**
 * Says which classes need two people in a tenant from now on; none turns the rule off. Returns them in their order.
 * Throws `not_found`, and `conflict` where nobody could ever approve: without a sign-in provider there are no people.
 */
export async function setTwoPersonRule(
  trx: Trx,
  change: { readonly actor: Principal; readonly tenantId: string; readonly nowMs: number },
  wanted: readonly ChangeClass[],
): Promise<readonly ChangeClass[]> {
  const { actor, tenantId, nowMs } = change
  if (!(await lockTwoPerson(trx, tenantId))) throw new BrokerError('not_found')
  if (wanted.length > 0 && (await countSignInProviders(trx, tenantId)) === 0)
    throw new BrokerError('conflict', {
      hint: 'Register a sign-in provider first: without one there is nobody who could approve.',
    })
  const classes = changeClasses.filter(name => wanted.includes(name))
  await updateTwoPerson(trx, tenantId, classes)
  await recordEvent(trx, { type: 'two_person.changed', tenantId, facts: { ...actorFacts(actor), classes } }, nowMs)
  return classes
}
