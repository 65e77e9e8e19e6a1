// Signing on a thread of its own: a signature costs a quarter of all that the main thread does for a token, and nothing in
// the request waits for it but the answer.

import type { KeyObject } from 'node:crypto'
import { BrokerError } from '#core/errors/broker-error.ts'
import { BatchThread } from './batch-thread.ts'
import type { SignJws } from './sign-jws.ts'

/**
 * One batch: `keys` are those that the thread has not seen, `keyIndexes` names the key of each line of `inputs`: header in base64url,
 * a dot, and the payload as text.
 */
export interface SigningOrder {
  /** The thread forgets its keys before it takes these. */
  readonly forget: boolean
  readonly keys: readonly { readonly index: number; readonly key: KeyObject }[]
  readonly keyIndexes: readonly number[]
  readonly inputs: string
}

interface Job {
  readonly key: KeyObject
  readonly input: string
}

/** Keys that were rotated away, or whose tenant is gone, leave the thread's memory with the rest once there are so many. */
const mostKeys = 1_000

export class SigningThread {
  #indexes = new Map<KeyObject, number>()
  readonly #thread = new BatchThread<Job>(new URL('./signing-thread-worker.ts', import.meta.url), (jobs, fresh) =>
    this.#pack(jobs, fresh),
  )

  /** Rejects with BrokerError `internal` when the thread dies; the next call starts another. */
  readonly sign: SignJws = (key, header, payload) => {
    // Two lines would be two jobs, and each caller behind them would get another's token.
    if (payload.includes('\n')) return Promise.reject(new BrokerError('internal', { detail: 'a payload of several lines' }))
    return this.#thread.do({ key, input: `${header}.${payload}` })
  }

  close(): Promise<void> {
    return this.#thread.close()
  }

  #pack(jobs: readonly Job[], fresh: boolean): SigningOrder {
    const forget = fresh || this.#indexes.size > mostKeys
    if (forget) this.#indexes = new Map()
    const keys: SigningOrder['keys'][number][] = []
    const keyIndexes = jobs.map(({ key }) => {
      let index = this.#indexes.get(key)
      if (index === undefined) {
        index = this.#indexes.size
        this.#indexes.set(key, index)
        keys.push({ index, key })
      }
      return index
    })
    return { forget, keys, keyIndexes, inputs: jobs.map(({ input }) => input).join('\n') }
  }
}
