// What an erasure would find, before anybody says yes to it. A name that is a common word is found in many places where nobody is meant;
// the numbers say so, and nothing is changed.

import { formatId } from '#core/ids/id.ts'
import type { Trx } from '#db/connect.ts'
import { findLivingAccounts } from '#db/erasure/erasures.ts'
import { countWords, type FoundWords, findNaming } from '#db/erasure/forget-words.ts'
import { type ErasureOrder, findSubject, isCovered, livingMost } from './erase.ts'
import { wordPattern } from './word-pattern.ts'

export interface ErasurePreview {
  /** Keys that would be destroyed. */
  readonly keys: number
  /** uuids of people whose names would go. */
  readonly personIds: readonly string[]
  /** A legal hold covers it: it would be refused. */
  readonly held: boolean
  /** Registrations that name it: it would be refused. Wire ids, twenty at most. */
  readonly namedBy: readonly string[]
  /** Where what it is called stands, by kind of place. */
  readonly found: readonly FoundWords[]
  /** The same number for each of the names that were given. */
  readonly names: readonly { readonly name: string; readonly rows: number }[]
  /** uuids of accounts that it had opened and that would live on, `livingMost` at most. */
  readonly livingAccounts: readonly string[]
}

/** trx: of its tenant, or of the deployment. Throws `not_found` where nothing is known of it. */
export async function previewErasure(
  trx: Trx,
  order: Pick<ErasureOrder, 'tenantId' | 'wanted' | 'names'>,
): Promise<ErasurePreview> {
  const subject = await findSubject(trx, order)
  const pattern = wordPattern(subject.words)
  const names: { name: string; rows: number }[] = []
  for (const name of order.names ?? []) {
    const found = await countWords(trx, wordPattern([name])!)
    names.push({ name, rows: found.reduce((sum, { rows }) => sum + rows, 0) })
  }
  return {
    keys: subject.keys.length,
    personIds: subject.people.map(({ id }) => id),
    held: await isCovered(trx, order, subject),
    namedBy: pattern === undefined ? [] : (await findNaming(trx, pattern)).map(({ kind, id }) => formatId(kind, id)),
    found: pattern === undefined ? [] : await countWords(trx, pattern),
    names,
    livingAccounts: await findLivingAccounts(
      trx,
      subject.keys.map(({ id }) => id),
      livingMost,
    ),
  }
}
