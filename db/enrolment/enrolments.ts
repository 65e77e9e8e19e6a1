import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'

export interface Enrolment {
  readonly id: string
  readonly tenantId: string
  readonly agentId: string
  readonly instance: string
  /** Exactly one of both. */
  readonly joinTokenId: string | null
  readonly trustSourceId: string | null
  /** Hex; what the word of the trust source rests on. */
  readonly basis: string | null
  readonly notAfter: Date
}

const toRow = (enrolment: Enrolment) => ({
  id: enrolment.id,
  tenant_id: enrolment.tenantId,
  agent_id: enrolment.agentId,
  instance: enrolment.instance,
  join_token_id: enrolment.joinTokenId,
  trust_source_id: enrolment.trustSourceId,
  basis: toBytes(enrolment.basis),
  not_after: enrolment.notAfter,
})

const toBytes = (hex: string | null): Buffer | null => (hex === null ? null : Buffer.from(hex, 'hex'))

/** For one that came by a join token: its instance is new. */
export async function insertEnrolment(trx: Trx, enrolment: Enrolment): Promise<void> {
  await trx.insertInto('mayfly.enrolment').values(toRow(enrolment)).execute()
}

/** For one that came by a trust source: the same workload may come again, and is the same instance. */
export async function keepEnrolment(db: Db, enrolment: Enrolment): Promise<void> {
  await db
    .insertInto('mayfly.enrolment')
    .values(toRow(enrolment))
    .onConflict(conflict =>
      conflict.columns(['agent_id', 'instance']).doUpdateSet({
        trust_source_id: enrolment.trustSourceId,
        basis: toBytes(enrolment.basis),
        not_after: enrolment.notAfter,
        renewed_at: sql<Date>`clock_timestamp()`,
      }),
    )
    .execute()
}

/** bases: those that are good now. False: what this instance came by is gone or changed, so it cannot renew. */
export async function renewEnrolment(
  db: Db,
  which: Pick<Enrolment, 'tenantId' | 'agentId' | 'instance' | 'notAfter'>,
  bases: readonly string[],
): Promise<boolean> {
  const row = await db
    .updateTable('mayfly.enrolment')
    .set({ not_after: which.notAfter, renewed_at: sql<Date>`clock_timestamp()` })
    .where('agent_id', '=', which.agentId)
    .where('instance', '=', which.instance)
    .where('tenant_id', '=', which.tenantId)
    .where(({ or, eb }) => or([eb('join_token_id', 'is not', null), ...bases.map(basis => eb('basis', '=', toBytes(basis)))]))
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** Of who came by this join token. */
export async function deleteEnrolmentBy(trx: Trx, joinTokenId: string): Promise<void> {
  await trx.deleteFrom('mayfly.enrolment').where('join_token_id', '=', joinTokenId).execute()
}
