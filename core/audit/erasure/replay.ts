// After a restore: whoever was forgotten since the backup is forgotten again.

import { formatId } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Trx } from '#db/connect.ts'
import { findErasureKey } from '#db/erasure/erasure-key.ts'
import { findKeysById, findKnownErasures, insertErasure } from '#db/erasure/erasures.ts'
import { findPerson } from '#db/operators/people.ts'
import { deleteHeld } from '#db/registry/credentials.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { prepareEvent } from '../event.ts'
import { openSealed } from '../open-sealed.ts'
import { forget } from './erase.ts'
import type { LedgerEntry } from './ledger.ts'
import { moveLedgerKeyPast, openLedgerKey } from './ledger-key.ts'
import { wordPattern } from './word-pattern.ts'

export interface ReplayDeps {
  readonly db: UnscopedDb
  readonly keyEncryption: KeyEncryption
}

/**
 * Does again what the database does not know of. The log's bodies are the worker's as ever (`sweep.ts`). Returns how many erasures were
 * done again; each is a transaction, and what was done stays done. nowMs: the database's clock.
 */
export async function replayErasures(deps: ReplayDeps, entries: readonly LedgerEntry[], nowMs: number): Promise<number> {
  const known = await findKnownErasures(
    deps.db,
    entries.map(({ id }) => id),
  )
  let replayed = 0
  for (const entry of entries) {
    if (known.has(entry.id)) continue
    await deps.db
      .forTenant(entry.tenantId)
      .transaction()
      .execute(trx => replay(trx, deps.keyEncryption, entry, nowMs))
    replayed++
  }
  await passSteps(deps, entries)
  return replayed
}

/** Only when all is read: entries of two workers need not stand in the order of their steps. */
async function passSteps({ db, keyEncryption }: ReplayDeps, entries: readonly LedgerEntry[]): Promise<void> {
  const last = new Map<string, { readonly tenantId: string | null; readonly step: number }>()
  for (const { sealedUnder, sealedStep, tenantId } of entries)
    if (sealedUnder !== null && typeof sealedStep === 'number' && sealedStep >= (last.get(sealedUnder)?.step ?? 0))
      last.set(sealedUnder, { tenantId, step: sealedStep })
  for (const [id, { tenantId, step }] of last)
    await db
      .forTenant(tenantId)
      .transaction()
      .execute(trx => moveLedgerKeyPast(trx, keyEncryption, id, step))
}

async function replay(trx: Trx, keyEncryption: KeyEncryption, entry: LedgerEntry, nowMs: number): Promise<void> {
  const { id, tenantId, keyIds, personIds, sealed, sealedUnder } = entry
  const words = await wordsOf(trx, keyEncryption, entry)
  const sealedStep = entry.sealedStep ?? null
  await insertErasure(trx, { id, tenantId, keyIds, personIds, sealed, sealedUnder, sealedStep, replayed: true })
  for (const personId of personIds) await deleteHeld(trx, { personId })
  const facts = { by: 'restore', erasure: formatId('erasure', id), keys: keyIds.length, people: personIds.length } as const
  const event = prepareEvent({ type: 'subject.erased', tenantId, facts }, nowMs)
  await forget(trx, { id, tenantId, personIds, pattern: wordPattern(words), event })
}

async function keyOf(
  trx: Trx,
  keyEncryption: KeyEncryption,
  sealedUnder: string,
  sealedStep: number | null,
): Promise<Buffer | undefined> {
  if (sealedStep !== null) return openLedgerKey(await findErasureKey(trx), keyEncryption, { sealedUnder, sealedStep })
  const [row] = await findKeysById(trx, [sealedUnder])
  if (!row) return undefined
  const context = { tenantId: row.tenant_id, purpose: 'subject-key', rowId: row.id } as const
  return keyEncryption.open(row.key_sealed, row.kek_id, context).catch(() => undefined)
}

/** As the key tells that the backup has brought back, and the people's rows. */
async function wordsOf(trx: Trx, keyEncryption: KeyEncryption, entry: LedgerEntry): Promise<string[]> {
  const words: string[] = []
  for (const personId of entry.personIds) {
    const person = await findPerson(trx, personId, entry.tenantId)
    if (person && person.issuer !== 'erased') words.push(person.subject, person.name ?? '', person.email ?? '')
  }
  if (entry.sealed === null || entry.sealedUnder === null) return words
  const key = await keyOf(trx, keyEncryption, entry.sealedUnder, entry.sealedStep ?? null)
  const told = key && openSealed(entry.sealed, key)['words']
  return Array.isArray(told) ? [...words, ...told.filter(word => typeof word === 'string')] : words
}
