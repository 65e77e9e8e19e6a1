import type { Permission } from '#core/permission/permission.ts'

/**
 * How a proof is recognised as this agent. `claims` / `san` values are anchored patterns (`claim-pattern.ts`):
 * `*` stands for one segment between `:` and `/`, `**` only at the end for the rest.
 */
export interface OpenIdRule {
  readonly trust_source: string
  /** Claim name (dotted path for nested ones) → pattern. `sub` must be among them. */
  readonly claims: Readonly<Record<string, string>>
}
export interface X509Rule {
  readonly trust_source: string
  /** Exactly one of them. `uri` and `dns` are patterns over a subject alternative name, `subject_dn` is compared as parsed DN. */
  readonly san_uri?: string
  readonly san_dns?: string
  readonly subject_dn?: string
}
export type AgentRule = OpenIdRule | X509Rule

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
