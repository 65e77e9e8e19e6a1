// How far an account can be extended. Its agent's registration says how long one of its accounts may live in all; extended or
// not, it ends by then. A child never outlives its ancestors, nor what its parent has said of it.

import type { AgentSettings } from '#core/registry/agent.ts'

export interface ExtensionBounds {
  readonly settings: AgentSettings
  /** Seconds since the epoch. */
  readonly openedSeconds: number
  /** When the first of its ancestors ends; Infinity for a root. */
  readonly ancestorsUntilSeconds: number
  /** What its parent has said of a child's end, seconds since the epoch; null or undefined: nothing. */
  readonly endsBySeconds: number | null | undefined
}

/** The latest end that the account may get; whole seconds since the epoch. Undefined settings: it lives as long as it was given at first. */
export function latestDeadline({ settings, openedSeconds, ancestorsUntilSeconds, endsBySeconds }: ExtensionBounds): number {
  const longest = settings.longest_account_seconds ?? settings.account_ttl_seconds
  return Math.floor(Math.min(openedSeconds + longest, ancestorsUntilSeconds, endsBySeconds ?? Number.POSITIVE_INFINITY))
}
