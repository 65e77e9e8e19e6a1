// What follows an erasure behind its commit: bodies that the destroyed keys had sealed go, stretch by stretch, and the ledger is told.

import { recordEvent } from '#core/audit/record.ts'
import { formatId } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import {
  clearProposedErasures,
  type ErasureUnderWay,
  erasuresUnderWay,
  forgetBodies,
  noteLedgered,
} from '#db/erasure/erasures.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { addToLedger, type HeadStore, type LedgerStore } from './ledger.ts'
import { ensureLedgerKeys } from './ledger-key.ts'

/** Entries that one statement goes through. */
const window = 20_000
/**
 * Brokers forget a key when they hear of its end, within a moment, and at the latest when their connection is back; what one still seals
 * under it meanwhile nobody can read, and goes with the rest.
 */
const standardGraceSeconds = 120
const mostAtOnce = 100

export interface ErasureSweep {
  /** Erasures that are through with the log. */
  readonly finished: number
  /** Erasures that the ledger was told of. */
  readonly ledgered: number
  /** Erasures that no ledger knows of: none is set up. */
  readonly unledgered: number
}

export interface SweepDeps {
  readonly db: UnscopedDb
  /** Undefined: none is set up. */
  readonly ledger: LedgerStore | undefined
  /** Where else it is kept how long the ledger is. */
  readonly elsewhere?: HeadStore | undefined
  /** Left out: nobody makes keys for names in the ledger. */
  readonly keyEncryption?: KeyEncryption
  readonly graceSeconds?: number
}

/** Goes on with what is under way. nowMs: the database's clock. Throws where the database or the ledger cannot be reached. */
export async function sweepErasures(
  { db, ledger, elsewhere, keyEncryption, graceSeconds = standardGraceSeconds }: SweepDeps,
  nowMs: number,
): Promise<ErasureSweep> {
  // Before anybody is erased: what a backup has not, no restore can use.
  if (keyEncryption) await ensureLedgerKeys(db, keyEncryption, nowMs)
  const underWay = await erasuresUnderWay(db, mostAtOnce)
  const missing = underWay.filter(({ ledgered }) => !ledgered)
  // The ledger first: what a restore could bring back must be known there before the traces of it go.
  if (ledger && missing.length > 0) await noteLedgered(db, await addToLedger(ledger, missing.map(toEntry), elsewhere))
  let finished = 0
  for (const erasure of underWay) if (!erasure.swept && (await sweepOne(db, erasure, graceSeconds, nowMs))) finished++
  await clearProposedErasures(db)
  return { finished, ledgered: ledger ? missing.length : 0, unledgered: ledger ? 0 : missing.length }
}

/** Until the end of the log, or until the keys may no longer be at hand anywhere. */
async function sweepOne(db: UnscopedDb, erasure: ErasureUnderWay, graceSeconds: number, nowMs: number): Promise<boolean> {
  let before = -1n
  for (;;) {
    const { finished, swept_to, removed } = await forgetBodies(db, erasure.id, { window, graceSeconds })
    if (finished) {
      const facts = { erasure: formatId('erasure', erasure.id), bodies: Number(removed) }
      const event = { type: 'subject.erasure_finished', tenantId: erasure.tenant_id, facts } as const
      await db
        .forTenant(erasure.tenant_id)
        .transaction()
        .execute(trx => recordEvent(trx, event, nowMs))
      return true
    }
    if (swept_to === before) return false
    before = swept_to
  }
}

const toEntry = (row: ErasureUnderWay) => ({
  id: row.id,
  tenantId: row.tenant_id,
  keyIds: row.key_ids,
  personIds: row.person_ids,
  sealed: row.sealed,
  sealedUnder: row.sealed_under,
  sealedStep: row.sealed_step,
  askedAtMs: row.asked_at.getTime(),
})
