// Sub-agents. A parent asks for a token that lets one named agent open a child account; that agent opens it with its own
// credential and its own key (RFC 8693 §§ 1.1, 4.4). The child gets no more than what the parent named, and ends with the parent.

import type { Permissions, SubjectToken } from './token-request.ts'
import type { TaskTokenValue } from './token-response.ts'

/** What a sub-agent may be granted at most, and how far it may go. */
export interface Delegated
  extends Pick<Permissions, 'scope' | 'authorizationDetails' | 'taskId' | 'accountId' | 'ttl' | 'allowNarrowing'> {
  /** How deep the tree may be below the child: the depth of the deepest account, of which the root's is 0. */
  readonly maxDepth?: number
  /** Longest life of the child account, in seconds. */
  readonly accountTtl?: number
  /** Tokens that are set apart for the child; needed where the parent's account has a limit of them. */
  readonly tokens?: number
  /** Units that are set apart for the child; as above. */
  readonly spendUnits?: number
}

/** A token that opens one child account, for the agent that it names and nobody else. */
export interface DelegationToken {
  /** To be handed to the sub-agent. Opaque, and of no use to anybody else. */
  readonly token: string
  readonly expiresAt: Date
  /** The parent account. */
  readonly accountId: string | undefined
}

/** What a parent sends beside its permissions. to: `agt_…`. */
export function delegationMembers(to: string, { maxDepth, accountTtl, tokens, spendUnits }: Delegated): Record<string, string> {
  const members = { may_act: to, max_depth: maxDepth, account_ttl: accountTtl, tokens, spend_units: spendUnits }
  const said = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(said.map(([name, value]) => [name, String(value)]))
}

/** What a sub-agent sends in the place of its subject token. subject: its own; undefined where a client assertion says who it is. */
export function actingMembers(delegationToken: string, subject: SubjectToken | undefined): Record<string, string> {
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: delegationToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    ...(subject && { actor_token: subject.token, actor_token_type: subject.type }),
  }
}

export const toDelegationToken = ({ accessToken, expiresAt, accountId }: TaskTokenValue): DelegationToken => ({
  token: accessToken,
  expiresAt,
  accountId,
})
