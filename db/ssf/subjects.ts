import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'

/** Hex of the hashes of those subjects of which the stream's receiver wants to hear nothing. */
export async function readIgnoredSubjects(db: Db | Trx, streamId: string): Promise<Set<string>> {
  const { rows } = await sql<{ hash: string }>`
    select encode(hash, 'hex') as hash from mayfly.ssf_subject where stream_id = ${streamId}`.execute(db)
  return new Set(rows.map(({ hash }) => hash))
}

/** False: it has as many as it may. */
export async function ignoreSubject(
  trx: Trx,
  stream: { readonly id: string; readonly tenantId: string },
  subject: { readonly hash: Buffer; readonly claims: object },
  most: number,
): Promise<boolean> {
  const { rows } = await sql<{ full: boolean }>`
    select count(*) filter (where hash <> ${subject.hash}) >= ${most} as full from mayfly.ssf_subject where stream_id = ${stream.id}`.execute(
    trx,
  )
  if (rows[0]!.full) return false
  await sql`insert into mayfly.ssf_subject (stream_id, tenant_id, hash, subject)
    values (${stream.id}, ${stream.tenantId}, ${subject.hash}, ${JSON.stringify(subject.claims)}::text::jsonb) on conflict do nothing`.execute(
    trx,
  )
  return true
}

export async function heedSubject(trx: Trx, streamId: string, hash: Buffer): Promise<void> {
  await trx.deleteFrom('mayfly.ssf_subject').where('stream_id', '=', streamId).where('hash', '=', hash).execute()
}
