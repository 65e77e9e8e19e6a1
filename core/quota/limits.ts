// Every limit there is, one row each: what is counted, for whom, over what time, and how much of it when nobody said anything.
//
//   deployment defaults (here, or MAYFLY_LIMITS)  →  what the platform grants a tenant  →  what the tenant sets below that
//   →  what an agent's registration says for that agent
//
// null means that there is no limit of this name. Published in docs/reference/limits.md, which a test holds against this table.

import type { ValidationProblem } from '#core/errors/validation-error.ts'

export interface LimitRow {
  readonly standard: number | null
  /** Seconds after which it is free again; 0: never, or when what is counted has gone. */
  readonly windowSeconds: 0 | 60
  /** Whether an agent's registration may say it for that agent. */
  readonly perAgent: boolean
  readonly text: string
}

const row = (standard: number | null, windowSeconds: 0 | 60, perAgent: boolean, text: string): LimitRow => ({
  standard,
  windowSeconds,
  perAgent,
  text,
})

export const limitRows = {
  tenant_live_accounts: row(2_000_000, 0, false, 'Accounts of a tenant that are live at the same time.'),
  tenant_opens_per_minute: row(1_200_000, 60, false, 'Accounts that a tenant opens.'),
  tenant_tokens_per_minute: row(3_000_000, 60, false, 'Tokens that a tenant is issued.'),
  agent_live_accounts: row(1_000_000, 0, true, 'Accounts of one agent that are live at the same time.'),
  agent_opens_per_minute: row(600_000, 60, true, 'Accounts that one agent opens.'),
  agent_tokens_per_minute: row(1_500_000, 60, true, 'Tokens that one agent is issued.'),
  tenant_units_per_minute: row(null, 60, false, 'Units that a tenant spends.'),
  agent_units_per_minute: row(null, 60, true, 'Units that one agent spends.'),
  parent_live_accounts: row(10_000, 0, false, 'Live children that one account has.'),
  parent_opens_per_minute: row(6_000, 60, false, 'Children that one account opens.'),
  parent_tokens_per_minute: row(60_000, 60, false, 'Tokens that the children of one account are issued, together.'),
  parent_units_per_minute: row(null, 60, false, 'Units that the children of one account spend, together.'),
  address_live_accounts: row(
    null,
    0,
    false,
    'Accounts of a tenant that are live and were opened from one address (IPv6: one /64).',
  ),
  address_opens_per_minute: row(600_000, 60, false, 'Accounts of a tenant that are opened from one address (IPv6: one /64).'),
  address_tokens_per_minute: row(1_500_000, 60, false, 'Tokens of a tenant that are issued to one address (IPv6: one /64).'),
  address_units_per_minute: row(null, 60, false, 'Units of a tenant that are spent from one address (IPv6: one /64).'),
  anonymous_live_accounts: row(1_000, 0, false, 'Accounts of strangers that are live at the same time.'),
  anonymous_opens_per_minute: row(60, 60, false, 'Accounts that strangers open.'),
  anonymous_address_opens_per_minute: row(3, 60, false, 'Accounts that strangers open from one address (IPv6: one /64).'),
  anonymous_tokens_per_minute: row(600, 60, false, 'Tokens that strangers are issued, together.'),
  anonymous_address_tokens_per_minute: row(60, 60, false, 'Tokens that strangers at one address are issued (IPv6: one /64).'),
  account_tokens: row(null, 0, true, 'Tokens that one account is ever issued.'),
  account_spend_units: row(null, 0, true, 'Units that one account may ever spend: what its tokens cost by their resources.'),
} as const satisfies Record<string, LimitRow>

export type LimitName = keyof typeof limitRows
export type Limits = Readonly<Record<LimitName, number | null>>

export const limitNames = Object.keys(limitRows) as readonly LimitName[]

export const standardLimits: Limits = Object.freeze(
  Object.fromEntries(limitNames.map(name => [name, limitRows[name].standard])) as Record<LimitName, number | null>,
)

/** Beyond it a limit is none: what a bigint and a JSON number both hold with room to add. */
export const greatestLimit = 1_000_000_000_000

/** What is said stands in the place of what held before. */
export function withLimits(base: Limits, said: Partial<Limits> | undefined): Limits {
  return said === undefined ? base : { ...base, ...said }
}

/** The lower of the two for every name: a tenant cannot give itself more than it was granted. */
export function lowestLimits(granted: Limits, own: Partial<Limits>): Limits {
  const lower = (name: LimitName): number | null => {
    const mine = own[name]
    const most = granted[name]
    return mine === undefined || mine === null ? most : most === null ? mine : Math.min(mine, most)
  }
  return Object.fromEntries(limitNames.map(name => [name, lower(name)])) as unknown as Limits
}

/** What is wrong with limits that somebody wrote. at: RFC 6901 pointer to them. perAgent: they stand in a registration. */
export function findLimitFaults(said: Readonly<Record<string, unknown>>, at: string, perAgent: boolean): ValidationProblem[] {
  return Object.entries(said).flatMap(([name, value]) => {
    const pointer = `${at}/${name}`
    if (!Object.hasOwn(limitRows, name)) return [{ pointer, detail: 'There is no limit of this name.' }]
    if (perAgent && !limitRows[name as LimitName].perAgent)
      return [{ pointer, detail: "This limit is the tenant's, and cannot be said for one agent." }]
    if (value === null || (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= greatestLimit)) return []
    return [{ pointer, detail: `Write a whole number from 0 to ${greatestLimit}, or null for no limit.` }]
  })
}
