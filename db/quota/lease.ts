import type { Sql } from 'postgres'

/** o opens, t tokens, u units by the window; T tokens, U units of an account. */
export type QuotaCode = 'o' | 't' | 'u' | 'T' | 'U'

export interface LeaseRow {
  readonly tenantId: string
  /** uuid */
  readonly scope: string
  readonly code: QuotaCode
  /** 0: no window. */
  readonly windowSeconds: number
  readonly limit: number
  readonly least: number
  readonly wanted: number
  readonly givenBack: number
  readonly opening: number
}

export interface LeasedRow {
  readonly granted: number
  readonly used: number
  /** Milliseconds since the epoch; null: never. */
  readonly endsMs: number | null
  readonly atMs: number
}

/** Leases units of each, in the order given. One round trip, durable. */
export async function leaseQuota(sql: Sql, rows: readonly LeaseRow[]): Promise<LeasedRow[]> {
  const list = (pick: (row: LeaseRow) => string | number): string => `{${rows.map(pick).join(',')}}`
  const leased = await sql<(LeasedRow & { n: number })[]>`
    select n, granted::float8 as granted, used::float8 as used, ends_ms as "endsMs", at_ms as "atMs" from across.lease_quota(
      ${list(row => row.tenantId)}::text::uuid[], ${list(row => row.scope)}::text::uuid[], ${list(row => row.code)}::text::text[],
      ${list(row => row.windowSeconds)}::text::integer[], ${list(row => row.limit)}::text::bigint[],
      ${list(row => row.least)}::text::bigint[], ${list(row => row.wanted)}::text::bigint[],
      ${list(row => row.givenBack)}::text::bigint[], ${list(row => row.opening)}::text::bigint[]) order by n`
  return leased.map(({ granted, used, endsMs, atMs }) => ({ granted, used, endsMs, atMs }))
}
