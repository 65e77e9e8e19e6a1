import type { ClaimableBy } from '#core/claim/claimable-by.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { Limits } from '#core/quota/limits.ts'
import type { RuleMembers } from './trust-source-kinds/table.ts'

/**
 * How a proof is recognised as this agent. Values are anchored patterns (`claim-pattern.ts`) unless their kind says otherwise:
 * `*` stands for one segment between `:` and `/`, `**` only at the end for the rest. Each kind of trust source has its own members.
 */
export type AgentRule = RuleMembers & { readonly trust_source: string }

/** What the registration decides besides rules and ceiling; stored as `agent.settings`. Times in seconds. */
export interface AgentSettings {
  /** `pop`: each exchange must prove a key. `bearer`: none needed; the subject token is pinned to its first key. */
  readonly binding: 'pop' | 'bearer'
  /** Claims that tell instances apart, beside issuer and subject: `run_id`, `kubernetes.io.pod.uid`. */
  readonly instance_claims: readonly string[]
  /** Claims from which a task id is derived when the caller names none; empty: the caller must name one. */
  readonly task_claims: readonly string[]
  /** Whether a new task may open an account through `/token`. */
  readonly may_open: boolean
  readonly account_ttl_seconds: number
  readonly token_ttl_seconds: number
  /** How long an account may live in all, extensions included; left out: account_ttl_seconds, so that none can be extended. */
  readonly longest_account_seconds?: number
  /** How deep below an account of its own children may be opened; left out: 4. 0: it may not delegate. */
  readonly max_depth?: number
  /** Whether a token of a trust source is enough to get a certificate of the built-in CA; left out: it is not. */
  readonly may_enroll?: boolean
  /** Life of such a certificate; left out: an hour. */
  readonly certificate_ttl_seconds?: number
  /** Limits that are this agent's own, in the place of its tenant's for every agent. */
  readonly limits?: Partial<Limits>
  /** Who may claim its accounts; left out: nobody. */
  readonly claimable_by?: ClaimableBy
  /** What is granted when a request names no permission at all; undefined: such a request is refused. */
  readonly default_permission?: {
    readonly resource: string
    readonly scope?: string
    readonly authorization_details?: readonly unknown[]
  }
}

export interface Agent {
  readonly id: string
  /** Wire form: `agt_…`. */
  readonly clientId: string
  readonly name: string
  readonly owner: string
  readonly reviewOn: string
  readonly rules: readonly AgentRule[]
  readonly ceilingId: string
  readonly ceiling: Permission
  readonly settings: AgentSettings
}
