// A legal hold: what it covers is neither erased nor dropped while it lasts, whoever asks and whatever time has passed. The database itself
// refuses (`across.destroy_subject_keys`, `log.bodies_due`); nothing here has to be asked first.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, type IdKind, newUuid } from '#core/ids/id.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { hashList } from '#core/subject/subject.ts'
import { findOpening } from '#db/claim/claims.ts'
import type { Trx } from '#db/connect.ts'
import { findKeysOfSubject } from '#db/erasure/erasures.ts'
import { findHold, type HoldKind, type HoldRow, insertHold, isAccountKnown, liftHold } from '#db/erasure/holds.ts'
import { findPerson } from '#db/operators/people.ts'
import { lockTenant } from '#db/registry/tenants.ts'

export interface HoldChange {
  readonly actor: Principal
  readonly tenantId: string
  /** The database's clock. */
  readonly nowMs: number
}

export interface HoldInput {
  /** What it is for: a number of a case, never a name. */
  readonly matter: string
  /** targetId: uuid; null with `tenant` alone. */
  readonly kind: HoldKind
  readonly targetId: string | null
}

const idKinds: Readonly<Record<Exclude<HoldKind, 'tenant'>, IdKind>> = { account: 'account', agent: 'agent', person: 'person' }

/** `acct_…`, `agt_…`, `psn_…`; undefined: the whole tenant. */
export const targetOf = ({ kind, target_id: id }: Pick<HoldRow, 'kind' | 'target_id'>): string | undefined =>
  id === null ? undefined : formatId(idKinds[kind as keyof typeof idKinds], id)

/** trx: of the tenant. Throws `not_found` for a person or an account that the tenant never had. */
export async function placeHold(trx: Trx, change: HoldChange, input: HoldInput): Promise<HoldRow> {
  const { actor, tenantId, nowMs } = change
  if (!(await lockTenant(trx, tenantId))) throw new BrokerError('not_found')
  const keyIds = await keysUnder(trx, tenantId, input)
  const row = await insertHold(trx, { id: newUuid(nowMs), tenantId, ...input, keyIds, placedBy: actor.credentialId })
  await record(trx, change, 'legal_hold.placed', row)
  return row
}

/** trx: of the tenant. Throws `not_found`, and `conflict` for one that is lifted. */
export async function endHold(trx: Trx, change: HoldChange, id: string): Promise<HoldRow> {
  const row = await findHold(trx, id)
  if (!row) throw new BrokerError('not_found')
  if (!(await liftHold(trx, id, change.actor.credentialId))) throw new BrokerError('conflict', { hint: 'It is lifted already.' })
  await record(trx, change, 'legal_hold.lifted', row)
  return (await findHold(trx, id))!
}

/** The subject keys that it covers; null: which they are only the log's bodies could tell, so no foreign subject of the tenant is erased. */
async function keysUnder(trx: Trx, tenantId: string, { kind, targetId }: HoldInput): Promise<readonly string[] | null> {
  if (kind === 'tenant' || targetId === null) return []
  if (kind === 'agent') return null
  if (kind === 'person') {
    const person = await findPerson(trx, targetId, tenantId)
    if (!person) throw new BrokerError('not_found')
    return (await findKeysOfSubject(trx, tenantId, hashList([person.issuer, person.subject]))).map(({ id }) => id)
  }
  if (!(await isAccountKnown(trx, targetId))) throw new BrokerError('not_found')
  const opening = await findOpening(trx, targetId)
  const { subject_key: key } = JSON.parse(opening ?? '{}') as { subject_key?: string }
  return key === undefined ? null : [key]
}

function record(
  trx: Trx,
  { actor, tenantId, nowMs }: HoldChange,
  type: 'legal_hold.placed' | 'legal_hold.lifted',
  row: HoldRow,
): Promise<void> {
  const target = targetOf(row)
  const facts = {
    ...actorFacts(actor),
    hold: formatId('legalHold', row.id),
    kind: row.kind as HoldKind,
    ...(target !== undefined && { target }),
  }
  return recordEvent(trx, { type, tenantId, facts }, nowMs)
}
