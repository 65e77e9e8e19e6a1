// The life of an account as one table. The database holds the same table (`log.transition`) and judges by it at the commit;
// here it serves answers that say what is possible. A test compares the two.
//
//   active ── complete ──→ completed ─┐
//     │ ├──── expire ────→ expired ───┤
//     │ ├──── revoke ────→ revoked ───┼─ reap ─→ (a tombstone)
//     │ └ extend → active     ↑       │
//     └────── claim ────→ claimed ── close ─→ closed
//                           └ readmit, suspend, narrow → claimed
//
// Beside it stands `held`: an active account after a restore, until it goes on (`core/restore/reinstate-accounts.ts`) or is revoked.

import type { AccountState } from '#db/accounts/read-accounts.ts'

export interface TransitionRow {
  readonly from: readonly AccountState[]
  /** Undefined: stays as it is. Null: the row goes, a tombstone stays. */
  readonly to: AccountState | null
  /** Whether the deadline must be ahead or behind; null: either. */
  readonly due: 'before' | 'after' | null
  /** Whether it ends every earlier token of the account. A claimed or held account is always revoked whatever the time. */
  readonly raisesGeneration: boolean
  readonly ofChild: 'yes' | 'while ancestors live' | 'no'
  /** The audit event that it is. */
  readonly event: `account.${string}`
}

export const transitions = {
  extend: row(['a'], 'a', 'before', false, 'while ancestors live', 'account.extended'),
  complete: row(['a'], 'm', 'before', true, 'while ancestors live', 'account.completed'),
  expire: row(['a'], 'e', 'after', true, 'yes', 'account.expired'),
  revoke: row(['a', 'c', 'h'], 'r', 'before', true, 'yes', 'account.revoked'),
  claim: row(['a'], 'c', 'before', true, 'no', 'account.claimed'),
  close: row(['c'], 'x', null, true, 'no', 'account.closed'),
  readmit: row(['c'], 'c', null, false, 'no', 'account.readmitted'),
  suspend: row(['c'], 'c', null, true, 'no', 'account.suspended'),
  narrow: row(['c'], 'c', null, true, 'no', 'account.narrowed'),
  reap: row(['m', 'e', 'r', 'x'], null, null, false, 'yes', 'account.reaped'),
} as const satisfies Record<string, TransitionRow>

export type Transition = keyof typeof transitions

/** As people and the API name the states. */
export const stateNames: Readonly<Record<AccountState, string>> = {
  a: 'active',
  m: 'completed',
  e: 'expired',
  r: 'revoked',
  c: 'claimed',
  x: 'closed',
  h: 'held',
}

function row<Event extends TransitionRow['event']>(
  from: readonly AccountState[],
  to: AccountState | null,
  due: TransitionRow['due'],
  raisesGeneration: boolean,
  ofChild: TransitionRow['ofChild'],
  event: Event,
): TransitionRow & { readonly event: Event } {
  return { from, to, due, raisesGeneration, ofChild, event }
}
