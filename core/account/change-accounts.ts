// Changing accounts: the events are made here, the commit judges. Whoever loses a race has written nothing and is told how the
// account stands now.

import type { FactsOf } from '#core/audit/catalogue/catalogue.ts'
import { type PreparedEvent, prepareEvent, type SealedFacts } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { AccountChange, TransitionAnswer } from '#db/accounts/transition.ts'
import { type Transition, transitions } from './transitions.ts'

/** One change of one account that somebody wants. */
export interface ProposedChange extends Omit<AccountChange, 'event' | 'transition'> {
  readonly transition: Transition
  /** uuid */
  readonly agentId?: string | undefined
  /** Who did it and why, in our own words: random ids, reason codes, numbers. */
  readonly facts: FactsOf<(typeof transitions)[Transition]['event']>
  /** What names or describes a person or an object. */
  readonly private?: SealedFacts | undefined
}

export interface ChangeDeps {
  /** `transitionAccounts` bound to a connection. */
  readonly transition: (changes: readonly AccountChange[]) => Promise<TransitionAnswer[]>
}

/**
 * At most 500 changes, each of another account; one round trip, one commit. nowMs: the database's clock. Throws BrokerError
 * `log_unavailable` when nothing was committed or that is unknown.
 */
export async function changeAccounts(
  { transition }: ChangeDeps,
  proposals: readonly ProposedChange[],
  nowMs: number,
): Promise<TransitionAnswer[]> {
  const changes = proposals.map(({ facts, private: hidden, agentId, ...change }) => ({
    ...change,
    by: change.by ?? facts,
    event: eventOf({ ...change, facts, private: hidden, agentId }, nowMs),
  }))
  try {
    return await transition(changes)
  } catch (cause) {
    throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
  }
}

function eventOf(change: ProposedChange, nowMs: number): PreparedEvent {
  const { transition, tenantId, accountId, agentId, facts, deadlineSeconds, ceilingId, claim } = change
  return prepareEvent(
    {
      type: transitions[transition].event,
      tenantId,
      accountId,
      agentId,
      facts: {
        ...facts,
        ...(deadlineSeconds !== undefined && { deadline: deadlineSeconds }),
        ...(ceilingId !== undefined && { ceiling: ceilingId }),
        ...(claim && { readmitted: claim.readmitted, review_on: claim.reviewOn }),
      },
      private: change.private,
    },
    nowMs,
  )
}
