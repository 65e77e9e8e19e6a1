// What broker and worker are both told about keys. They must be told the same: a key that one seals, the other opens.

import { BrokerError } from '#core/errors/broker-error.ts'
import { type KeyEncryption, LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { findForeignSeals } from '#core/keys/rewrap.ts'
import { defaultSigningKeyDays, type RotationTimes, signingKeyDays, signingKeyTimes } from '#core/keys/rotation/times.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { type Environment, findSecret, getSecret } from './read-secret.ts'

export interface KeySettings {
  /** 32 bytes that sign and encrypt nothing but other keys. */
  readonly keyEncryptionKey: Buffer
  /** Others that may have sealed something; they only open. */
  readonly previousKeyEncryptionKeys?: readonly Buffer[] | undefined
  /** How long a signing key signs; 90 when nothing is said. */
  readonly signingKeyDays?: number | undefined
}

/** Reads `MAYFLY_KEK`, `MAYFLY_KEK_PREVIOUS` (several: separated by commas or white space) and `MAYFLY_SIGNING_KEY_DAYS`. */
export function readKeySettings(env: Environment, problems: string[]): KeySettings {
  const current = getSecret(env, 'MAYFLY_KEK', problems, 'the key-encryption key, 32 bytes in base64url')
  const previous = findSecret(env, 'MAYFLY_KEK_PREVIOUS', problems) ?? ''
  return {
    keyEncryptionKey: current === '' ? Buffer.alloc(0) : readKey('MAYFLY_KEK', current, problems),
    previousKeyEncryptionKeys: previous
      .split(/[\s,]+/)
      .filter(text => text !== '')
      .map(text => readKey('MAYFLY_KEK_PREVIOUS', text, problems)),
    signingKeyDays: readDays(env['MAYFLY_SIGNING_KEY_DAYS'], problems),
  }
}

function readKey(name: string, text: string, problems: string[]): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== 32) problems.push(`${name} must be 32 bytes in base64url. Make one with: openssl rand -base64 32`)
  return bytes
}

function readDays(text: string | undefined, problems: string[]): number {
  if (!text) return defaultSigningKeyDays
  const days = Number(text)
  const { least, most } = signingKeyDays
  if (!Number.isInteger(days) || days < least || days > most)
    problems.push(`MAYFLY_SIGNING_KEY_DAYS must be a whole number from ${least} to ${most}.`)
  return days
}

/** The one place where a key-encryption service (KMS, HSM) would be chosen instead. */
export function openKeyEncryption(settings: KeySettings): KeyEncryption {
  return new LocalKeyEncryption(settings.keyEncryptionKey, settings.previousKeyEncryptionKeys)
}

export const signingTimesOf = (settings: KeySettings): RotationTimes => signingKeyTimes(settings.signingKeyDays)

const names: Readonly<Record<string, string>> = {
  'mayfly.signing_key': 'signing keys',
  'mayfly.subject_key': 'subject keys',
  'mayfly.ca_key': 'CA keys',
  'mayfly.sign_in_client_secret': "sign-in clients' secrets",
}

/** A process that cannot open what lies in the database must not start. Throws BrokerError `internal` with a hint that says how much it is. */
export async function checkSealedKeys(db: UnscopedDb, keyEncryption: KeyEncryption): Promise<void> {
  const foreign = await findForeignSeals(db, keyEncryption)
  if (foreign.length === 0) return
  const lines = [...Map.groupBy(foreign, ({ kekId }) => kekId)].map(
    ([kekId, counts]) => `${kekId}: ${counts.map(({ table, rows }) => `${rows} ${names[table] ?? table}`).join(', ')}`,
  )
  throw new BrokerError('internal', {
    hint: `Keys in the database are sealed under key-encryption keys that this process was not given:
  ${lines.join('\n  ')}
Give it the key as MAYFLY_KEK or MAYFLY_KEK_PREVIOUS. Take a key away only when GET /v1/keys/rewrap shows nothing under it.`,
  })
}
