// Which entries a receiver wants. A filter only ever leaves out: whose entries somebody may see is decided beside it, first, and by
// nothing that they send.

import type { Decision } from './decision.ts'
import type { StreamEntry } from './entry.ts'

/** All of it must hold. Ids as the API shows them: one that is misspelt matches nothing, and never widens. */
export interface AuditFilter {
  /** `token.issued`, or all below a word: `token.*`. Left out: every type. */
  readonly types?: readonly string[] | undefined
  readonly decision?: Decision | undefined
  /** A reason code, or its beginning: `scope*`. */
  readonly reason?: string | undefined
  readonly agent?: string | undefined
  readonly account?: string | undefined
  readonly jti?: string | undefined
  /** Who did it: a credential, a person, an agent. */
  readonly actor?: string | undefined
  /** Nothing older, milliseconds since the epoch. */
  readonly fromMs?: number | undefined
}

/** What a type in a filter looks like. */
export const typePattern = '^[a-z_]{1,40}\\.([a-z_]{1,40}|\\*)$'
/** And a reason. */
export const reasonPattern = '^[a-z0-9_.-]{1,64}\\*?$'

export type Wanted = (entry: StreamEntry) => boolean

/** tenantId: whose entries may be seen at all; null: everybody's. */
export function createFilter(tenantId: string | null, filter: AuditFilter): Wanted {
  const { decision, agent, account, jti, actor, fromMs = Number.NEGATIVE_INFINITY } = filter
  const isOfType = matchWords(filter.types, '.*')
  const hasReason = matchWords(filter.reason === undefined ? undefined : [filter.reason], '*')
  return ({ tenantId: ofTenant, atMs, shown }) =>
    (tenantId === null || ofTenant === tenantId) &&
    isOfType(shown.type) &&
    hasReason(shown.reason ?? '') &&
    (decision === undefined || shown.decision === decision) &&
    (agent === undefined || shown.agent === agent) &&
    (account === undefined || shown.account === account) &&
    (jti === undefined || shown.token === jti) &&
    (actor === undefined || shown.actor.id === actor || shown.actor.credential === actor) &&
    atMs >= fromMs
}

/** Words are taken whole, or up to a star at their end. rest: what such a word ends in. */
function matchWords(words: readonly string[] | undefined, rest: string): (text: string) => boolean {
  if (words === undefined) return () => true
  const whole = new Set(words.filter(word => !word.endsWith(rest)))
  const starts = words.filter(word => word.endsWith(rest)).map(word => word.slice(0, -1))
  return text => whole.has(text) || starts.some(start => text.startsWith(start))
}
