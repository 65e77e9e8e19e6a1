// What a child may use comes out of what its parent may use: units of an account's limits are set apart for it when it is
// opened, and it never gets more. Where the parent has a limit the child must have a part of it, or it would be a way around.

import type { Limits } from '#core/quota/limits.ts'

export type ChildQuota = Readonly<Partial<Record<QuotaMember, number>>>
export type QuotaMember = 'tokens' | 'spend_units'

/** Limits of an account of which parts can be set apart. */
export const carved = [
  { member: 'tokens', limit: 'account_tokens', kind: 'account_tokens' },
  { member: 'spend_units', limit: 'account_spend_units', kind: 'account_units' },
] as const satisfies readonly { member: QuotaMember; limit: keyof Limits; kind: string }[]

/**
 * The member that a child's quota must name and does not. limits: of the parent's agent; own: what was carved for the parent itself.
 */
export function findUncarved(
  limits: Limits,
  own: ChildQuota | null | undefined,
  asked: ChildQuota | null | undefined,
): QuotaMember | undefined {
  const missing = carved.find(({ member, limit }) => {
    const bounded = limits[limit] !== null || own?.[member] !== undefined
    return bounded && asked?.[member] === undefined
  })
  return missing?.member
}
