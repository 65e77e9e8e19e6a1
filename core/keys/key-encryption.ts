// Envelope encryption. Private keys and per-subject keys lie in the database only sealed under a key-encryption key that
// the database never sees. The associated data ties a sealed key to tenant, purpose and row, so that a row copied to
// another place does not open. A KMS or HSM takes the place of `LocalKeyEncryption` by the same interface.

import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'
import { BrokerError } from '#core/errors/broker-error.ts'

export interface SealContext {
  readonly tenantId: string
  readonly purpose:
    | 'signing-key'
    | 'subject-key'
    | 'erasure-key'
    | 'ca-key'
    | 'client-secret'
    | 'connector'
    | 'webhook'
    | 'stream'
  readonly rowId: string
}

export interface KeyEncryption {
  /** Names the key-encryption key that seals now; stored beside what it sealed. */
  readonly keyId: string
  /** Names of all those that `open` knows, `keyId` among them. */
  readonly keyIds: readonly string[]
  seal(plaintext: Uint8Array, context: SealContext): Promise<Buffer>
  /** Throws BrokerError `internal` when the key is another one, or anything was changed. */
  open(sealed: Uint8Array, keyId: string, context: SealContext): Promise<Buffer>
}

const nonceBytes = 12
const tagBytes = 16

const associatedData = (context: SealContext): Buffer =>
  Buffer.from(JSON.stringify(['mayfly', 1, context.tenantId, context.purpose, context.rowId]))

/**
 * AES-256-GCM with keys held in memory (from a file or a secret store). Sealed form: nonce (12) ‖ ciphertext ‖ tag (16).
 * The current key seals; what earlier ones sealed still opens, until all of it is sealed anew (`rewrap.ts`).
 */
export class LocalKeyEncryption implements KeyEncryption {
  readonly keyId: string
  readonly keyIds: readonly string[]
  readonly #keys: ReadonlyMap<string, Buffer>

  /** current, others: 32 random bytes each. others: known as well, in any order. */
  constructor(current: Buffer, others: readonly Buffer[] = []) {
    const all = [current, ...others]
    if (all.some(key => key.length !== 32))
      throw new BrokerError('internal', { hint: 'The key-encryption key must be 32 bytes.' })
    this.#keys = new Map(all.map(key => [nameKey(key), key]))
    this.keyId = nameKey(current)
    this.keyIds = [...this.#keys.keys()]
  }

  async seal(plaintext: Uint8Array, context: SealContext): Promise<Buffer> {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', this.#keys.get(this.keyId)!, nonce, { authTagLength: tagBytes })
    cipher.setAAD(associatedData(context))
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }

  async open(sealed: Uint8Array, keyId: string, context: SealContext): Promise<Buffer> {
    const key = this.#keys.get(keyId)
    if (key === undefined)
      throw new BrokerError('internal', {
        detail: `sealed under key-encryption key ${keyId}, this process has ${this.keyIds.join(', ')}`,
      })
    try {
      // GCM takes shorter tags as well, which are easier to guess: of a text cut short the rest would pass for one.
      if (sealed.length < nonceBytes + tagBytes) throw new RangeError('too short')
      const nonce = sealed.subarray(0, nonceBytes)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(associatedData(context)).setAuthTag(sealed.subarray(-tagBytes))
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
    } catch (cause) {
      throw new BrokerError('internal', { detail: `sealed ${context.purpose} ${context.rowId} does not open`, cause })
    }
  }
}

/** A name that says nothing of the key. */
const nameKey = (key: Buffer): string =>
  `local-${hash('sha256', Buffer.concat([Buffer.from('mayfly kek id'), key]), 'hex').slice(0, 16)}`
