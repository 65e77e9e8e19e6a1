// How far an account can be extended. Its agent's registration says how long one of its accounts may live in all; extended or
// not, it ends by then. A child never outlives its ancestors.

import type { AgentSettings } from '#core/registry/agent.ts'

export interface ExtensionBounds {
  readonly settings: AgentSettings
  /** Seconds since the epoch. */
  readonly openedSeconds: number
  /** When the first of its ancestors ends; Infinity for a root. */
  readonly ancestorsUntilSeconds: number
}

/** The latest end that the account may get; whole seconds since the epoch. Undefined settings: it lives as long as it was given at first. */
export function latestDeadline({ settings, openedSeconds, ancestorsUntilSeconds }: ExtensionBounds): number {
  const longest = settings.longest_account_seconds ?? settings.account_ttl_seconds
  return Math.floor(Math.min(openedSeconds + longest, ancestorsUntilSeconds))
}
