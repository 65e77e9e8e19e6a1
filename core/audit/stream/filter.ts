// Which entries a receiver wants. A filter only ever leaves out: whose entries somebody may see is decided beside it, first, and by
// nothing that they send.

import { parseId } from '#core/ids/id.ts'
import { type Decision, decisionOf } from './decision.ts'
import type { StreamEntry } from './entry.ts'

export interface AuditFilter {
  /** `token.issued`, or all below a word: `token.*`. Left out: every type. */
  readonly types?: readonly string[] | undefined
  readonly decision?: Decision | undefined
  /** Ids as the API shows them. */
  readonly agent?: string | undefined
  readonly account?: string | undefined
  readonly token?: string | undefined
  /** Nothing older, milliseconds since the epoch. */
  readonly sinceMs?: number | undefined
}

/** What a type in a filter looks like. */
export const typePattern = '^[a-z_]{1,40}\\.([a-z_]{1,40}|\\*)$'

export type Wanted = (entry: StreamEntry) => boolean

/** tenantId: whose entries may be seen at all; null: everybody's. */
export function createFilter(tenantId: string | null, filter: AuditFilter): Wanted {
  const { decision, sinceMs = Number.NEGATIVE_INFINITY } = filter
  const isOfType = matchTypes(filter.types)
  const isAgent = matchId(filter.agent, filter.agent && parseId('agent', filter.agent))
  const isAccount = matchId(filter.account, filter.account && parseId('account', filter.account))
  const isToken = matchId(filter.token, filter.token && parseId('token', filter.token))
  return entry =>
    (tenantId === null || entry.tenantId === tenantId) &&
    isOfType(entry.type) &&
    isAgent(entry.agentId) &&
    isAccount(entry.accountId) &&
    isToken(entry.tokenId) &&
    entry.atMs >= sinceMs &&
    (decision === undefined || decisionOf(entry.type) === decision)
}

function matchTypes(types: readonly string[] | undefined): (type: string) => boolean {
  if (types === undefined) return () => true
  const whole = new Set(types.filter(type => !type.endsWith('.*')))
  const below = types.filter(type => type.endsWith('.*')).map(type => type.slice(0, -1))
  return type => whole.has(type) || below.some(start => type.startsWith(start))
}

/** An id that is none matches nothing: a filter that is misspelt never widens. */
const matchId = (shown: string | undefined, stored: string | undefined) => (id: string | undefined) =>
  shown === undefined || (id !== undefined && (id === stored || id === shown))
