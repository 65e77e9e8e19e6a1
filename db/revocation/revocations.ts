// Revocations as operators look at them. One may have many entries in the feed: those that say what was ordered, which come first, and
// those of accounts that ended because of it.

import { sql } from 'kysely'
import type { Db } from '../connect.ts'

export interface RevocationRow {
  /** uuid */
  readonly id: string
  /** Of its first entry (`core/revocation/entry.ts`), as the next two. */
  readonly kind: 'a' | 'x' | 'j' | 'c' | 'k' | 't'
  readonly subject: string
  readonly cause: string
  readonly by: Readonly<Record<string, unknown>> | null
  readonly at: Date
  readonly fromEpoch: number
  /** The last of what was ordered: who has come this far refuses all of it. */
  readonly toEpoch: number
  /** With those of accounts that ended because of it. */
  readonly entries: number
}

export interface RevocationFilter {
  readonly kind?: RevocationRow['kind'] | undefined
  readonly subject?: string | undefined
  readonly cause?: string | undefined
}

const columns = sql`
  f.id, f.kind, f.subject, f.cause, f.actor as by, f.at, f.epoch::float8 as "fromEpoch", g.to_epoch as "toEpoch", g.entries`

/** first: rows of `mayfly.revocation`, the first of each revocation. */
const all = sql`
  lateral (select max(o.epoch) filter (where o.cause = f.cause)::float8 as to_epoch, count(*)::float8 as entries
             from mayfly.revocation o where o.id = f.id and o.tenant_id = f.tenant_id) g`

/** Newest first, behind an epoch. Those that concern no token any more are gone. db: of the tenant. */
export async function listRevocations(
  db: Db,
  tenantId: string,
  { kind, subject, cause }: RevocationFilter,
  page: { readonly beforeEpoch: number | undefined; readonly limit: number },
): Promise<RevocationRow[]> {
  const conditions = [
    sql`r.tenant_id = ${tenantId}::uuid`,
    ...(page.beforeEpoch === undefined ? [] : [sql`r.epoch < ${page.beforeEpoch}`]),
    ...(kind === undefined ? [] : [sql`r.kind = ${kind}`]),
    // By the index, whatever the kind.
    ...(subject === undefined
      ? []
      : [sql`r.kind in ('a', 'x', 'j', 'c', 'k', 't') and r.match = log.match_of(${subject}) and r.subject = ${subject}`]),
    ...(cause === undefined ? [] : [sql`r.cause = ${cause}`]),
    sql`not exists (select from mayfly.revocation o where o.id = r.id and o.tenant_id = r.tenant_id and o.epoch < r.epoch)`,
  ]
  const first = sql`select r.* from mayfly.revocation r where ${sql.join(conditions, sql` and `)}
    order by r.epoch desc limit ${page.limit}`
  const { rows } = await sql<RevocationRow>`select ${columns} from (${first}) f, ${all} order by f.epoch desc`.execute(db)
  return rows
}

/** id: uuid. Undefined: another tenant's, never there, or gone. db: of the tenant. */
export async function findRevocation(db: Db, tenantId: string, id: string): Promise<RevocationRow | undefined> {
  const first = sql`select r.* from mayfly.revocation r where r.tenant_id = ${tenantId}::uuid and r.id = ${id}::uuid
    order by r.epoch limit 1`
  const { rows } = await sql<RevocationRow>`select ${columns} from (${first}) f, ${all}`.execute(db)
  return rows[0]
}

export interface RevocationEntryRow {
  readonly epoch: number
  readonly kind: RevocationRow['kind']
  readonly subject: string
  readonly least: number | null
  readonly until: Date
  readonly cause: string
}

/** The entries of a revocation in their order, at most `limit`. db: of the tenant. */
export async function readEntriesOf(db: Db, tenantId: string, id: string, limit: number): Promise<RevocationEntryRow[]> {
  const { rows } = await sql<RevocationEntryRow>`
    select epoch::float8 as epoch, kind, subject, least::float8 as least, until, cause from mayfly.revocation
     where tenant_id = ${tenantId}::uuid and id = ${id}::uuid order by epoch limit ${limit}`.execute(db)
  return rows
}
