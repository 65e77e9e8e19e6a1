// Forgetting a subject: somebody who signs in, or whoever a trust source vouches for.
//
//   the keys       destroyed in the transaction that says so: from then on nobody reads what the log has sealed under them
//   the people     their rows stay, since what they did points at them, without a name; their sessions and tokens end
//   words          what they are called goes from wherever it stands (`db/erasure/forget-words.ts`)
//   bodies         the worker deletes what the keys had sealed, behind the commit (`sweep.ts`); leaves stay, so every proof holds
//   the ledger     the worker writes down outside the database that it was done (`ledger.ts`), so that a backup brings nobody back
//
// What decides something (a rule that names the subject) is not erased but refused: whoever takes it away decides anew who comes in.

import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { signOutPerson } from '#core/operators/sign-out-person.ts'
import { hashList } from '#core/subject/subject.ts'
import type { Trx } from '#db/connect.ts'
import {
  destroySubjectKeys,
  type ErasureRow,
  findErasure,
  findKeysOfSubject,
  findLivingAccounts,
  insertErasure,
  noteOwnerless,
  type SealedSubjectKey,
} from '#db/erasure/erasures.ts'
import { findNaming, findPeopleNamed, forgetPeople, forgetWords } from '#db/erasure/forget-words.ts'
import { isHeld, isNamedHeld } from '#db/erasure/holds.ts'
import { findPerson, type PersonRow } from '#db/operators/people.ts'
import { type PreparedEvent, prepareEvent, sealFacts } from '../event.ts'
import { sealForLedger } from './ledger-key.ts'
import { wordPattern } from './word-pattern.ts'

/** Who: a person by its uuid, or a subject as its issuer calls it; undefined: somebody who is only named somewhere. */
export type Wanted = { readonly personId: string } | { readonly issuer: string; readonly subject: string } | undefined

export interface ErasureOrder {
  readonly actor: Principal
  /** uuid; null: a person of the deployment. */
  readonly tenantId: string | null
  readonly wanted: Wanted
  /** What else it is called: former addresses, say. */
  readonly names?: readonly string[] | undefined
  /** The database's clock. */
  readonly nowMs: number
}

/** What is known of the one who is to be forgotten. */
export interface Found {
  readonly people: readonly PersonRow[]
  readonly keys: readonly SealedSubjectKey[]
  /** What it is called. */
  readonly words: readonly string[]
}

export interface Erased {
  readonly row: ErasureRow
  /** uuids of accounts that it had opened and that live on, `livingMost` at most. */
  readonly livingAccounts: readonly string[]
}

/** As many as are named. */
export const livingMost = 200

/**
 * Forgets a subject. trx: of its tenant, or of the deployment. Throws `not_found` where nothing is known of it, and `conflict` where a
 * legal hold covers it, where a registration names it, or where it holds the last token of a platform-admin.
 */
export async function eraseSubject(
  trx: Trx,
  deps: { readonly keyEncryption: KeyEncryption },
  order: ErasureOrder,
): Promise<Erased> {
  const { actor, tenantId, nowMs } = order
  const found = await findSubject(trx, order)
  const pattern = wordPattern(found.words)
  const ids = { personIds: found.people.map(({ id }) => id), keyIds: found.keys.map(({ id }) => id) }
  if (await isCovered(trx, order, found)) throw held()
  if (pattern !== undefined) await refuseNamed(trx, pattern)
  const livingAccounts = await findLivingAccounts(trx, ids.keyIds, livingMost)
  const id = newUuid(nowMs)
  const sealed = await sealWords(trx, deps.keyEncryption, order, found)
  await insertErasure(trx, { id, tenantId, ...ids, ...sealed, replayed: false })
  for (const personId of ids.personIds) await signOutPerson(trx, { ...actor, tenantId }, personId, nowMs)
  const facts = { ...actorFacts(actor), erasure: formatId('erasure', id), keys: ids.keyIds.length, people: ids.personIds.length }
  const event = prepareEvent({ type: 'subject.erased', tenantId, facts }, nowMs)
  await forget(trx, { id, tenantId, personIds: ids.personIds, pattern, event })
  return { row: (await findErasure(trx, id))!, livingAccounts }
}

/** Keys, people and words of an erasure whose row is there. The database logs the event with the keys' end, so neither is without the other. */
export async function forget(
  trx: Trx,
  erasure: {
    readonly id: string
    readonly tenantId: string | null
    readonly personIds: readonly string[]
    readonly pattern: string | undefined
    /** `subject.erased` */
    readonly event: Pick<PreparedEvent, 'leaf' | 'body'>
  },
): Promise<void> {
  const { id, tenantId, personIds, pattern, event } = erasure
  await destroySubjectKeys(trx, id, event)
  await forgetPeople(trx, personIds)
  if (pattern === undefined) return
  const { agentIds } = await forgetWords(trx, tenantId, pattern)
  if (agentIds.length > 0) await noteOwnerless(trx, id, agentIds)
}

/** Throws `not_found` where nothing is known of it. */
export async function findSubject(trx: Trx, order: Pick<ErasureOrder, 'tenantId' | 'wanted' | 'names'>): Promise<Found> {
  const { tenantId, wanted, names = [] } = order
  if (wanted === undefined) return { people: [], keys: [], words: names }
  const ids =
    'personId' in wanted ? [wanted.personId] : (await findPeopleNamed(trx, wanted.issuer, wanted.subject)).map(({ id }) => id)
  const rows = await Promise.all(ids.map(id => findPerson(trx, id, tenantId)))
  const people = rows.filter(row => row !== undefined)
  const named = 'personId' in wanted ? people[0] : wanted
  if (!named) throw new BrokerError('not_found')
  const keys = await findKeysOfSubject(trx, tenantId, hashList([named.issuer, named.subject]))
  if (people.length + keys.length === 0)
    throw new BrokerError('not_found', {
      hint: 'Nothing is known of this subject. Issuer and subject must be exactly as the issuer says.',
    })
  const shown = people.flatMap(({ name, email }) => [name, email]).filter(text => text !== null)
  return { people, keys, words: [named.subject, ...shown, ...names] }
}

/** Whether a legal hold covers it, or somebody who is called so: who names somebody that is held erases it as much as who says it is this person. */
export async function isCovered(
  trx: Trx,
  { tenantId }: Pick<ErasureOrder, 'tenantId'>,
  { people, keys, words }: Found,
): Promise<boolean> {
  const pattern = wordPattern(words)
  const tenantIds = [...new Set([...keys.map(key => key.tenant_id), ...(tenantId === null ? [] : [tenantId])])]
  const covered = await isHeld(trx, { tenantIds, personIds: people.map(({ id }) => id), keyIds: keys.map(({ id }) => id) })
  return covered || (pattern !== undefined && (await isNamedHeld(trx, pattern)))
}

const held = () =>
  new BrokerError('conflict', {
    hint: 'A legal hold covers this subject, so nothing of it is erased. Lift the hold first: mayfly audit hold list.',
  })

async function refuseNamed(trx: Trx, pattern: string): Promise<void> {
  const naming = await findNaming(trx, pattern)
  if (naming.length === 0) return
  const list = naming.map(({ kind, id }) => formatId(kind, id)).join(', ')
  throw new BrokerError('conflict', {
    hint: `Registrations name this subject: ${list}. What they decide is yours to say: change them, then erase.`,
  })
}

/**
 * What it is called, under a key that is about to be destroyed: only a backup that still has that key can tell. Where there is no such key,
 * under the tenant's own, which goes on with it; of the deployment there is none.
 */
async function sealWords(
  trx: Trx,
  keyEncryption: KeyEncryption,
  { tenantId, nowMs }: ErasureOrder,
  { keys, words }: Found,
): Promise<{ readonly sealed: string | null; readonly sealedUnder: string | null; readonly sealedStep: number | null }> {
  const [row] = keys
  const context = row && ({ tenantId: row.tenant_id, purpose: 'subject-key', rowId: row.id } as const)
  // A key that does not open is destroyed all the same.
  const key = row && context && (await keyEncryption.open(row.key_sealed, row.kek_id, context).catch(() => undefined))
  if (key) return { sealed: sealFacts({ id: row.id, key }, { words }).text, sealedUnder: row.id, sealedStep: null }
  if (tenantId === null || words.length === 0) return { sealed: null, sealedUnder: null, sealedStep: null }
  return sealForLedger(trx, keyEncryption, { tenantId, words, nowMs })
}
