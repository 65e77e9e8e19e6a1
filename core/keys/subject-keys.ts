// One key for each foreign subject of a tenant. What the log says of a subject is encrypted under it; destroying the
// stored key forgets the subject. A key is made in memory and stored in the same commit as the first event that uses it.

import { randomBytes } from 'node:crypto'
import type { SubjectKey } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { newUuid } from '#core/ids/id.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { SubjectKeyRow, SubjectName } from '#db/accounts/read-accounts.ts'
import type { NewSubjectKey } from '#db/log/append.ts'
import type { KeyEncryption } from './key-encryption.ts'

/** stored: whether the database has the key. row: what is stored with the first event that uses a key made here. */
export interface HeldSubjectKey extends SubjectKey {
  stored: boolean
  readonly row: NewSubjectKey | undefined
}

/** The row that must be written along with an event under this key; null when the database has it. */
export const rowToStore = (key: HeldSubjectKey): NewSubjectKey | null => (key.stored ? null : (key.row ?? null))

export class SubjectKeys {
  #held = new GenerationCache<string, HeldSubjectKey>(20_000)
  /** Counts erasures that were heard of. */
  #since = 0
  readonly #encryption: KeyEncryption
  readonly #loader: BatchLoader<string, SubjectKeyRow>

  /** read: `readSubjectKeys` bound to a connection. */
  constructor(encryption: KeyEncryption, read: (names: readonly SubjectName[]) => Promise<SubjectKeyRow[]>) {
    this.#encryption = encryption
    this.#loader = new BatchLoader(async keys => {
      const names = keys.map(key => {
        const colon = key.indexOf(':')
        return { tenantId: key.slice(0, colon), subject: key.slice(colon + 1) }
      })
      const rows = await read(names).catch(cause => {
        throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
      })
      return new Map(rows.map(row => [`${row.tenantId}:${row.subject}`, row]))
    })
  }

  /** The key if it is at hand: no round trip. subject: hex of SHA-256 over the foreign subject. */
  recall(tenantId: string, subject: string): HeldSubjectKey | undefined {
    return this.#held.get(`${tenantId}:${subject}`)
  }

  /** The subject's key, from the database or, when it has none, made anew. */
  async get(tenantId: string, subject: string): Promise<HeldSubjectKey> {
    const name = `${tenantId}:${subject}`
    const held = this.#held.get(name)
    if (held) return held
    const since = this.#since
    const row = await this.#loader.load(name)
    const key = row ? await this.#open(row) : await this.#make(tenantId, subject)
    const meanwhile = this.#held.get(name)
    if (meanwhile) return meanwhile
    if (since === this.#since) this.#held.set(name, key)
    return key
  }

  /** Another broker stored a key for this subject first: drop ours. */
  forget(tenantId: string, subject: string): void {
    this.#held.delete(`${tenantId}:${subject}`)
  }

  /**
   * Some subject was erased: every key is read anew, so that nothing more is sealed under one that nobody has. What is loading at the moment
   * may still be that key, and is not kept.
   */
  forgetAll(): void {
    this.#held = new GenerationCache(20_000)
    this.#since++
  }

  async #open(row: SubjectKeyRow): Promise<HeldSubjectKey> {
    const context = { tenantId: row.tenantId, purpose: 'subject-key', rowId: row.id } as const
    return { id: row.id, key: await this.#encryption.open(row.sealed, row.kekId, context), stored: true, row: undefined }
  }

  async #make(tenantId: string, subject: string): Promise<HeldSubjectKey> {
    const id = newUuid()
    const key = randomBytes(32)
    const sealed = await this.#encryption.seal(key, { tenantId, purpose: 'subject-key', rowId: id })
    const row = { id, tenant: tenantId, subject, sealed: sealed.toString('hex'), kek: this.#encryption.keyId }
    return { id, key, stored: false, row }
  }
}
