// What the broker answers under `/console/api`. Times are RFC 3339; people are known by issuer and subject.

export interface Person {
  readonly name: string | null
  readonly issuer: string
  readonly subject: string
}

export interface Session {
  readonly person: Person | null
  readonly tenant: { readonly slug: string; readonly name: string }
  readonly role: string | null
}

export interface Provider {
  readonly id: string
  readonly name: string
}

/** One entry of `authorization_details` (RFC 9396) beside what it means. */
export interface Allowed {
  readonly text: string
  readonly entry: Readonly<Record<string, unknown>>
}

export interface AllowedScope {
  readonly scope: string
  readonly text: string
}

export interface AgentOfAccount {
  readonly name: string
  /** Who answers for the agent. */
  readonly owner: string | null
}

/** What a claim link shows to whoever may claim. */
export interface Claimable {
  readonly account: {
    readonly id: string
    readonly task_id: string
    readonly opened_at: string
    readonly expires_at: string
    readonly origin_address: string | null
    /** Whom the workload said that it is. */
    readonly origin_subject?: string | null
  }
  readonly agent: AgentOfAccount
  readonly permissions: readonly Allowed[]
  readonly scopes: readonly AllowedScope[]
  readonly readmission: { readonly offered: boolean }
}

export interface Keep {
  readonly scopes: readonly string[]
  readonly authorization_details: readonly Allowed['entry'][]
}

export interface Confirmation {
  readonly secret: string
  readonly code: string
  readonly readmit: boolean
  /** Left out: all of it. */
  readonly keep?: Keep
}

export type AccountState = 'active' | 'claimed' | 'closed' | 'revoked' | 'completed' | 'expired' | 'held'

export interface AccountRow {
  readonly id: string
  readonly task_id: string
  readonly state: AccountState
  readonly agent: AgentOfAccount
  readonly opened_at: string
  readonly claimed_at: string | null
  /** A day, `2027-05-22`. */
  readonly review_on: string | null
  readonly readmitted: boolean
}

export interface Attachment {
  readonly id: string
  readonly connector: string
  readonly kind: string | null
  readonly state: string
}

export interface Account extends AccountRow {
  readonly permissions: readonly Allowed[]
  readonly scopes: readonly AllowedScope[]
  readonly origin_address: string | null
  readonly attachments: readonly Attachment[]
  readonly readmission: { readonly offered: boolean }
}
