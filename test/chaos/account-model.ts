// What an account may go through, as a model: a state, a generation, and whether its deadline has passed. Used to explain what
// a race of real calls did: there must be one order of them, the one in which they stand in the log, that the model allows.

import { type Transition, type TransitionRow, transitions } from '#core/account/transitions.ts'
import type { AccountState } from '#db/accounts/read-accounts.ts'

export interface ModelAccount {
  /** null: collected. */
  readonly state: AccountState | null
  readonly generation: number
  /** `none`: it has no deadline any more. */
  readonly deadline: 'ahead' | 'behind' | 'none'
}

export type Call =
  | { readonly kind: 'change'; readonly transition: Transition; readonly generation: number | null }
  /** A token for the account as it was opened. */
  | { readonly kind: 'use' }
  /** Opening the same task once more. */
  | { readonly kind: 'reopen' }

export const opened = (deadline: 'ahead' | 'behind'): ModelAccount => ({ state: 'a', generation: 1, deadline })

/** What the call is answered, and what the account is after it. */
export function apply(account: ModelAccount, call: Call): { readonly answer: string; readonly after: ModelAccount } {
  const refuse = (answer: string) => ({ answer, after: account })
  if (call.kind === 'reopen') return refuse(account.state === null ? 'task_ended' : 'account_exists')
  if (call.kind === 'use') {
    const live = account.state === 'a' && account.generation === 1 && account.deadline === 'ahead'
    return refuse(live ? 'appended' : 'account_not_live')
  }
  if (account.state === null) return refuse('not_found')
  const row: TransitionRow = transitions[call.transition]
  if (!row.from.includes(account.state)) return refuse('conflict')
  if (call.generation !== null && call.generation !== account.generation) return refuse('conflict')
  const due = account.state === 'c' ? null : row.due
  if (due === 'before' && account.deadline === 'behind') return refuse('conflict')
  if (due === 'after' && account.deadline !== 'behind') return refuse('not_due')
  const deadline = call.transition === 'claim' ? 'none' : account.deadline
  return {
    answer: 'done',
    after: { state: row.to, generation: account.generation + (row.raisesGeneration ? 1 : 0), deadline },
  }
}

/** The moment at which the deadline passes, unless it was lifted. */
export const pass = (account: ModelAccount): ModelAccount =>
  account.deadline === 'ahead' ? { ...account, deadline: 'behind' } : account

export interface Answered {
  readonly call: Call
  readonly answer: string
}

/**
 * Whether calls that ran at the same time can be put into one order. written: those that stand in the log, in its order; others:
 * those that wrote nothing, each of which must have been right at some moment. final: the account as it is in the end.
 */
export function isLinearizable(
  start: ModelAccount,
  written: readonly Answered[],
  others: readonly Answered[],
  final: Pick<ModelAccount, 'state' | 'generation'>,
): boolean {
  const mayPass = start.deadline === 'ahead'
  const moments = Array.from({ length: written.length + 1 }, (_, at) => at)
  return [...(mayPass ? moments : []), undefined].some(passesAt => explains(start, written, others, final, passesAt))
}

/** passesAt: before which of the written calls the deadline passes; undefined: before none. */
function explains(
  start: ModelAccount,
  written: readonly Answered[],
  others: readonly Answered[],
  final: Pick<ModelAccount, 'state' | 'generation'>,
  passesAt: number | undefined,
): boolean {
  const seen: ModelAccount[] = [start]
  let account = start
  const step = (next: ModelAccount): void => {
    account = next
    seen.push(next)
  }
  for (const [at, { call, answer }] of written.entries()) {
    if (at === passesAt) step(pass(account))
    const done = apply(account, call)
    if (done.answer !== answer) return false
    step(done.after)
  }
  if (passesAt === written.length) step(pass(account))
  if (account.state !== final.state || (account.state !== null && account.generation !== final.generation)) return false
  return others.every(({ call, answer }) => seen.some(moment => apply(moment, call).answer === answer))
}
