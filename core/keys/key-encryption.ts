// Envelope encryption. Private keys and per-subject keys lie in the database only sealed under a key-encryption key that
// the database never sees. The associated data ties a sealed key to tenant, purpose and row, so that a row copied to
// another place does not open. A KMS or HSM takes the place of `LocalKeyEncryption` by the same interface.

import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'
import { BrokerError } from '#core/errors/broker-error.ts'

export interface SealContext {
  readonly tenantId: string
  readonly purpose: 'signing-key' | 'subject-key'
  readonly rowId: string
}

export interface KeyEncryption {
  /** Names the key-encryption key; stored beside what it sealed. */
  readonly keyId: string
  seal(plaintext: Uint8Array, context: SealContext): Promise<Buffer>
  /** Throws BrokerError `internal` when the key is another one, or anything was changed. */
  open(sealed: Uint8Array, keyId: string, context: SealContext): Promise<Buffer>
}

const nonceBytes = 12
const tagBytes = 16

const associatedData = (context: SealContext): Buffer =>
  Buffer.from(JSON.stringify(['mayfly', 1, context.tenantId, context.purpose, context.rowId]))

/** AES-256-GCM with a key held in memory (from a file or a secret store). Sealed form: nonce (12) ‖ ciphertext ‖ tag (16). */
export class LocalKeyEncryption implements KeyEncryption {
  readonly keyId: string
  readonly #key: Buffer

  /** key: 32 random bytes. */
  constructor(key: Buffer) {
    if (key.length !== 32) throw new BrokerError('internal', { hint: 'The key-encryption key must be 32 bytes.' })
    this.#key = key
    this.keyId = `local-${hash('sha256', Buffer.concat([Buffer.from('mayfly kek id'), key]), 'hex').slice(0, 16)}`
  }

  async seal(plaintext: Uint8Array, context: SealContext): Promise<Buffer> {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: tagBytes }).setAAD(associatedData(context))
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }

  async open(sealed: Uint8Array, keyId: string, context: SealContext): Promise<Buffer> {
    if (keyId !== this.keyId)
      throw new BrokerError('internal', { detail: `sealed under key-encryption key ${keyId}, this process has ${this.keyId}` })
    try {
      // GCM takes shorter tags as well, which are easier to guess: of a text cut short the rest would pass for one.
      if (sealed.length < nonceBytes + tagBytes) throw new RangeError('too short')
      const nonce = sealed.subarray(0, nonceBytes)
      const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(associatedData(context)).setAuthTag(sealed.subarray(-tagBytes))
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
    } catch (cause) {
      throw new BrokerError('internal', { detail: `sealed ${context.purpose} ${context.rowId} does not open`, cause })
    }
  }
}
