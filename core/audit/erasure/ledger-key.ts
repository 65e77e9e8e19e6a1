// What names are sealed under in the ledger where no subject's key is there that the erasure destroys: a key of the tenant's own that
// moves one step further with each such erasure, by a function that nobody can run backwards.
//
//   a backup of before an erasure   has the key at that step or an earlier one, so a restore leads it up to the step and reads the names
//   the database of after           has the key past that step, so ledger and database together name nobody
//
// A backup that is older than the key cannot be led anywhere: the worker makes the key within seconds of the tenant.

import { hkdfSync, randomBytes } from 'node:crypto'
import { newUuid } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Trx } from '#db/connect.ts'
import {
  type ErasureKeyRow,
  insertErasureKey,
  lockErasureKey,
  storeErasureKey,
  tenantsWithoutErasureKey,
} from '#db/erasure/erasure-key.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { sealFacts } from '../event.ts'

const keyBytes = 32
/** More erasures than a tenant makes between a backup and its restore; each step is a microsecond. */
const stepsMost = 10_000_000
const tenantsAtOnce = 100

const derive = (key: Buffer, use: 'next' | 'words'): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', `mayfly erasure ledger ${use}`, keyBytes))

const contextOf = ({ id, tenant_id }: Pick<ErasureKeyRow, 'id' | 'tenant_id'>) =>
  ({ tenantId: tenant_id, purpose: 'erasure-key', rowId: id }) as const

/** Makes the key of each tenant that has none yet. nowMs: the database's clock. Returns how many. */
export async function ensureLedgerKeys(db: UnscopedDb, keyEncryption: KeyEncryption, nowMs: number): Promise<number> {
  const missing = await tenantsWithoutErasureKey(db, tenantsAtOnce)
  for (const tenantId of missing)
    await db
      .forTenant(tenantId)
      .transaction()
      .execute(trx => makeKey(trx, keyEncryption, tenantId, nowMs))
  return missing.length
}

export interface SealedWords {
  /** base64url */
  readonly sealed: string
  readonly sealedUnder: string
  readonly sealedStep: number
}

/** Seals words for the ledger and moves the key past them, in one transaction. trx: of the tenant. */
export async function sealForLedger(
  trx: Trx,
  keyEncryption: KeyEncryption,
  what: { readonly tenantId: string; readonly words: readonly string[]; readonly nowMs: number },
): Promise<SealedWords> {
  await makeKey(trx, keyEncryption, what.tenantId, what.nowMs)
  const row = (await lockErasureKey(trx))!
  const key = await keyEncryption.open(row.key_sealed, row.kek_id, contextOf(row))
  const { text } = sealFacts({ id: row.id, key: derive(key, 'words') }, { words: what.words })
  await store(trx, keyEncryption, row, { step: row.step + 1, key: derive(key, 'next') })
  return { sealed: text, sealedUnder: row.id, sealedStep: row.step }
}

/** What opens words of that step; undefined: the database is past it, or is not the one that has the key. */
export async function openLedgerKey(
  row: ErasureKeyRow | undefined,
  keyEncryption: KeyEncryption,
  { sealedUnder, sealedStep }: { readonly sealedUnder: string; readonly sealedStep: number },
): Promise<Buffer | undefined> {
  if (row?.id !== sealedUnder || row.step > sealedStep || sealedStep - row.step > stepsMost) return undefined
  const key = await keyEncryption.open(row.key_sealed, row.kek_id, contextOf(row)).catch(() => undefined)
  return key && derive(walk(key, sealedStep - row.step), 'words')
}

/** After a restore: moves the key past a step that the ledger knows of. trx: of the tenant. */
export async function moveLedgerKeyPast(trx: Trx, keyEncryption: KeyEncryption, id: string, step: number): Promise<void> {
  const row = await lockErasureKey(trx)
  if (row?.id !== id || row.step > step || step - row.step > stepsMost) return
  const key = await keyEncryption.open(row.key_sealed, row.kek_id, contextOf(row))
  await store(trx, keyEncryption, row, { step: step + 1, key: walk(key, step + 1 - row.step) })
}

function walk(key: Buffer, steps: number): Buffer {
  let at = key
  for (let i = 0; i < steps; i++) at = derive(at, 'next')
  return at
}

async function makeKey(trx: Trx, keyEncryption: KeyEncryption, tenantId: string, nowMs: number): Promise<void> {
  const row = { id: newUuid(nowMs), tenant_id: tenantId }
  const sealed = await keyEncryption.seal(randomBytes(keyBytes), contextOf(row))
  await insertErasureKey(trx, { ...row, key_sealed: sealed, kek_id: keyEncryption.keyId })
}

async function store(
  trx: Trx,
  keyEncryption: KeyEncryption,
  row: ErasureKeyRow,
  { step, key }: { readonly step: number; readonly key: Buffer },
): Promise<void> {
  const key_sealed = await keyEncryption.seal(key, contextOf(row))
  await storeErasureKey(trx, { id: row.id, step, key_sealed, kek_id: keyEncryption.keyId })
}
