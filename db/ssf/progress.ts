import { sql } from 'kysely'
import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'

export interface StoredProgress {
  readonly shard: string
  readonly cursor: number
  readonly ahead: readonly (readonly [number, number])[]
}

/** taken: the receiver took something, so nothing is wrong with it. leaseSeconds: goes on holding it, undefined: leaves that. */
export async function storeProgress(
  trx: Trx,
  stream: { readonly id: string; readonly tenantId: string; readonly moved: boolean },
  progress: StoredProgress,
  { taken, leaseSeconds }: { readonly taken: boolean; readonly leaseSeconds?: number | undefined },
): Promise<void> {
  const { shard, cursor, ahead } = progress
  await sql`
    update mayfly.ssf_stream set shard = ${shard}, cursor = ${cursor}, ahead = ${JSON.stringify(ahead)}::text::jsonb,
        taken_at = case when ${taken} then clock_timestamp() else taken_at end,
        failures = case when ${taken} then 0 else failures end,
        failure = case when ${taken} then null else failure end,
        failure_status = case when ${taken} then null else failure_status end,
        leased_until = case when ${leaseSeconds ?? null}::float8 is null then leased_until
          else clock_timestamp() + make_interval(secs => ${leaseSeconds ?? null}::float8) end
     where id = ${stream.id}`.execute(trx)
  if (stream.moved)
    await sql`
      insert into mayfly.ssf_acknowledgement (tenant_id, stream_id, epoch) values (${stream.tenantId}, ${stream.id}, ${cursor})
        on conflict do nothing`.execute(trx)
}

export interface LeasedStream {
  readonly id: string
  readonly tenantId: string
  /** uuid: who holds it. */
  readonly lease: string
}

/** each: of one tenant at once. busy: a tenant as often as it has something under way. */
export async function leaseStreams(
  sqlOf: Sql,
  options: { readonly limit: number; readonly each: number; readonly leaseSeconds: number; readonly busy: readonly string[] },
): Promise<LeasedStream[]> {
  const { limit, each, leaseSeconds, busy } = options
  return sqlOf<LeasedStream[]>`
    select id, tenant_id as "tenantId", lease
      from across.lease_streams(${limit}::integer, ${each}::integer, ${leaseSeconds}::float8, ${arrayText(busy)}::text::uuid[])`
}

/** Lets go of it, if it is still held by that lease. */
export async function releaseStream(db: Db, { id, lease }: LeasedStream): Promise<void> {
  await sql`update mayfly.ssf_stream set leased_until = '-infinity', lease = null where id = ${id} and lease = ${lease}`.execute(
    db,
  )
}

export interface StreamFailure {
  readonly status: number | null
  readonly failure: string
  /** For how long nothing is sent. */
  readonly holdSeconds: number
}

export async function storeFailure(db: Db, { id, lease }: LeasedStream, failed: StreamFailure): Promise<void> {
  await sql`
    update mayfly.ssf_stream set failures = failures + 1, failure = ${failed.failure}, failure_status = ${failed.status},
        hold_until = clock_timestamp() + make_interval(secs => ${failed.holdSeconds})
     where id = ${id} and lease = ${lease}`.execute(db)
}

/** Streams of these tenants that something is pushed to. */
export async function readPushStreams(sqlOf: Sql, tenantIds: readonly string[]): Promise<string[]> {
  const rows = await sqlOf<{ id: string }[]>`
    select stream_id as id from across.tenants_with_pushes(${arrayText(tenantIds)}::text::uuid[])`
  return rows.map(({ id }) => id)
}
