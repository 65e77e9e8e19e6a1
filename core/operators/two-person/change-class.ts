// Changes that a tenant can demand two people for. Sorted by what they could open to somebody alone:
//
//   trust      who vouches for workloads
//   ceilings   what agents and resources may ever be granted
//   keys       what tokens are signed with
//   operators  who may manage with a token
//   audit      what the log forgets: whom, how soon, and what a legal hold no longer keeps

export const changeClasses = ['trust', 'ceilings', 'keys', 'operators', 'audit'] as const
export type ChangeClass = (typeof changeClasses)[number]

/**
 * `any`: guarded as soon as a tenant has any class on. So is the rule itself, and whatever decides who its people are.
 * `trust,ceilings`: by each of the two. An agent's registration says both who is taken for it and what it may, so that neither
 * class would hold without the other.
 */
export type GuardedBy = ChangeClass | 'any' | 'trust,ceilings'

export const needsTwoPeople = (classes: readonly string[], guardedBy: GuardedBy): boolean =>
  guardedBy === 'any' ? classes.length > 0 : guardedBy.split(',').some(name => classes.includes(name))
