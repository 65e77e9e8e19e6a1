// Changing the key-encryption key. Every process is first given both keys, old and new (`MAYFLY_KEK_PREVIOUS`), so that
// each opens what any other seals. Then whatever is sealed under another key than the current one is opened and sealed
// anew, in batches, each a transaction with its audit event. How far it came is seen in the rows themselves: it may be
// killed anywhere, started again, and run twice.

import type { ActorFacts } from '#core/audit/catalogue/fields.ts'
import { recordEvent } from '#core/audit/record.ts'
import type { Trx } from '#db/connect.ts'
import {
  addRewrapped,
  countSealedRows,
  findRewrapOrder,
  finishRewrapOrder,
  lockRewrapOrder,
  lockRowsSealedOtherwise,
  type RewrapOrder,
  resealRows,
  type SealedCount,
  type SealedRow,
  type SealedTable,
  sealedTables,
  storeRewrapOrder,
} from '#db/keys/sealed-rows.ts'
import type { Executor, UnscopedDb } from '#db/unscoped-db.ts'
import type { KeyEncryption } from './key-encryption.ts'

const batch = 500

export interface RewrapStatus {
  /** The key-encryption key that seals now. */
  readonly current: string
  /** `idle`: not ordered for this key, or something was sealed otherwise since. `running` waits for a worker that seals with the same key. */
  readonly state: 'idle' | 'running' | 'finished'
  readonly order: RewrapOrder | undefined
  readonly sealed: readonly (SealedCount & { readonly known: boolean })[]
  /** Rows that are sealed under another key than the current one. */
  readonly remaining: number
}

/** Reads every sealed row's key id. */
export async function readRewrapStatus(db: Executor, keyEncryption: KeyEncryption): Promise<RewrapStatus> {
  const [order, counts] = [await findRewrapOrder(db), await countSealedRows(db)]
  const sealed = counts.map(count => ({ ...count, known: keyEncryption.keyIds.includes(count.kekId) }))
  const remaining = sumOf(sealed.filter(({ kekId }) => kekId !== keyEncryption.keyId))
  const own = order?.kek_id === keyEncryption.keyId ? order : undefined
  // What was sealed otherwise behind a finished order's back waits for the next one.
  const state = own === undefined ? 'idle' : own.finished_at === null ? 'running' : remaining === 0 ? 'finished' : 'idle'
  return { current: keyEncryption.keyId, state, order: own, sealed, remaining }
}

/** Rows that this process could not open, by key. A process that has any must not start. */
export async function findForeignSeals(db: Executor, keyEncryption: KeyEncryption): Promise<SealedCount[]> {
  return (await countSealedRows(db)).filter(({ kekId }) => !keyEncryption.keyIds.includes(kekId))
}

/** Orders it; the worker carries it out. False when the same order is under way. facts: who orders. */
export async function orderRewrap(
  trx: Trx,
  keyEncryption: KeyEncryption,
  facts: Partial<ActorFacts>,
  nowMs: number,
): Promise<boolean> {
  const before = await lockRewrapOrder(trx)
  if (before?.kek_id === keyEncryption.keyId && before.finished_at === null) return false
  await storeRewrapOrder(trx, keyEncryption.keyId)
  await recordEvent(trx, { type: 'keys.rewrap_requested', tenantId: null, facts: { ...facts, to: keyEncryption.keyId } }, nowMs)
  return true
}

export interface RewrapRound {
  /** `none`: nothing is ordered. `other_key`: the order is for a key that this process does not seal with. */
  readonly outcome: 'none' | 'other_key' | 'finished' | 'unfinished'
  readonly rewrapped: number
  /** Rows that did not open; they stay as they are, and the order stays unfinished. */
  readonly failures: readonly { readonly table: string; readonly id: string; readonly error: unknown }[]
}

export interface RewrapDeps {
  readonly db: UnscopedDb
  readonly keyEncryption: KeyEncryption
  /** A test may throw here, as if the process died. In the product nobody listens. */
  readonly failpoint?: ((moment: 'batch-uncommitted' | 'batch-committed') => void) | undefined
}

/** Carries the order out, if there is one, to its end. nowMs: the database's clock. */
export async function rewrapKeys(deps: RewrapDeps, nowMs: number): Promise<RewrapRound> {
  const { db, keyEncryption } = deps
  const order = await findRewrapOrder(db)
  if (!order || order.finished_at !== null) return { outcome: 'none', rewrapped: 0, failures: [] }
  if (order.kek_id !== keyEncryption.keyId) return { outcome: 'other_key', rewrapped: 0, failures: [] }
  const failures: RewrapRound['failures'][number][] = []
  let rewrapped = 0
  for (const sealed of sealedTables) {
    let afterId: string | null = null
    do {
      const done = await rewrapBatch(deps, sealed, afterId, nowMs)
      deps.failpoint?.('batch-committed')
      rewrapped += done.rewrapped
      failures.push(...done.failures)
      afterId = done.last
    } while (afterId !== null)
  }
  // Another process may have sealed under its own key behind our back: then the next round goes on.
  const left = sumOf((await countSealedRows(db)).filter(({ kekId }) => kekId !== keyEncryption.keyId))
  if (left > 0) return { outcome: 'unfinished', rewrapped, failures }
  await db
    .forTenant(null)
    .transaction()
    .execute(trx => finishRewrapOrder(trx))
  return { outcome: 'finished', rewrapped, failures }
}

async function rewrapBatch(deps: RewrapDeps, sealed: SealedTable, afterId: string | null, nowMs: number) {
  const { db, keyEncryption, failpoint } = deps
  return db
    .forTenant(null)
    .transaction()
    .execute(async trx => {
      await lockRewrapOrder(trx)
      const scan = { kekId: keyEncryption.keyId, afterId, limit: batch }
      const { rows, last } = await lockRowsSealedOtherwise(trx, sealed, scan)
      const { resealed, failures } = await reseal(keyEncryption, sealed, rows)
      if (resealed.length > 0) {
        await resealRows(trx, sealed, keyEncryption.keyId, resealed)
        await addRewrapped(trx, resealed.length)
        const facts = { table: sealed.table, count: resealed.length, to: keyEncryption.keyId }
        await recordEvent(trx, { type: 'keys.rewrapped', tenantId: null, facts }, nowMs)
      }
      failpoint?.('batch-uncommitted')
      return { rewrapped: resealed.length, failures, last }
    })
}

async function reseal(keyEncryption: KeyEncryption, { table, purpose }: SealedTable, rows: readonly SealedRow[]) {
  const resealed: { id: string; sealed: Buffer }[] = []
  const failures: RewrapRound['failures'][number][] = []
  for (const { id, tenantId, kekId, sealed } of rows) {
    const context = { tenantId, purpose, rowId: id }
    try {
      const plain = await keyEncryption.open(sealed, kekId, context)
      resealed.push({ id, sealed: await keyEncryption.seal(plain, context) })
      plain.fill(0)
    } catch (error) {
      failures.push({ table, id, error })
    }
  }
  return { resealed, failures }
}

const sumOf = (counts: readonly { readonly rows: number }[]): number => counts.reduce((sum, { rows }) => sum + rows, 0)
