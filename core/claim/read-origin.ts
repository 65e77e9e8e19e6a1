// Where an account was opened from, and by whom: the log knows, sealed under the subject's key. Whoever claims is shown it; once
// the subject is erased, nobody is any more.

import { openSealed } from '#core/audit/open-sealed.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { findOpening } from '#db/claim/claims.ts'
import { findSubjectKey } from '#db/claim/subject-keys.ts'
import type { Db } from '#db/connect.ts'

export interface Origin {
  /** Of the connection that opened it. */
  readonly address: string | null
  /** Who vouched for the workload, and how it names it. */
  readonly issuer: string | null
  readonly subject: string | null
}

const unknown: Origin = { address: null, issuer: null, subject: null }

/** db: the tenant's rows. What cannot be read, for whatever reason, is not known; that stops nobody from claiming. */
export async function readOrigin(db: Db, keyEncryption: KeyEncryption, accountId: string): Promise<Origin> {
  const opening = await findOpening(db, accountId)
  if (opening === undefined) return unknown
  const { private: sealed, subject_key: keyId } = JSON.parse(opening) as { private?: string; subject_key?: string }
  if (sealed === undefined || keyId === undefined) return unknown
  const row = await findSubjectKey(db, keyId)
  if (!row) return unknown
  const key = await keyEncryption.open(row.key_sealed, row.kek_id, {
    tenantId: row.tenant_id,
    purpose: 'subject-key',
    rowId: row.id,
  })
  const facts = openSealed(sealed, key)
  return { address: textOf(facts['address']), issuer: textOf(facts['issuer']), subject: textOf(facts['subject']) }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/**
 * Whether the workload that opened an account can prove again who it is. A stranger that nobody registered cannot, nor can whoever
 * was given the credential of an account that was opened ahead, which the claim ends; nor one whose opening cannot be read.
 */
export const canComeBack = ({ issuer }: Origin): boolean => issuer !== null && issuer !== 'anonymous'
