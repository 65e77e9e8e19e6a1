// Verifying subject tokens on a thread of its own. A token that was not seen before costs a check that takes longer than all
// else that the main thread does for it, and whoever brings junk pays with that thread's time and not with everybody's.

import { BatchThread } from '#core/keys/batch-thread.ts'
import type { VerifySignature } from './signature-verifier.ts'

/** One batch: `keys` are those that the thread has not seen, `keyIndexes` names the key of each line of `tokens`. */
export interface VerifyingOrder {
  /** The thread forgets its keys before it takes these. */
  readonly forget: boolean
  readonly keys: readonly { readonly index: number; readonly pem: string; readonly alg: string }[]
  readonly keyIndexes: readonly number[]
  readonly tokens: string
}

interface Job {
  readonly pem: string
  readonly alg: string
  readonly token: string
}

/** What the thread answers for a token whose signature verifies. */
export const verified = 'verified'
const mostKeys = 1_000

export class VerifyingThread {
  #indexes = new Map<string, number>()
  readonly #thread = new BatchThread<Job>(new URL('./verifying-thread-worker.ts', import.meta.url), (jobs, fresh) =>
    this.#pack(jobs, fresh),
  )

  /** Rejects when the signature does not verify, and with BrokerError `internal` when the thread dies. token: a compact JWS. */
  readonly verify: VerifySignature = async (pem, alg, token) => {
    // Two lines would be two jobs, and each caller behind them would get the verdict on another's.
    if (token.includes('\n')) throw new Error('a token of several lines')
    const answer = await this.#thread.do({ pem, alg, token })
    if (answer !== verified) throw new Error('the signature does not verify')
  }

  close(): Promise<void> {
    return this.#thread.close()
  }

  #pack(jobs: readonly Job[], fresh: boolean): VerifyingOrder {
    const forget = fresh || this.#indexes.size > mostKeys
    if (forget) this.#indexes = new Map()
    const keys: VerifyingOrder['keys'][number][] = []
    const keyIndexes = jobs.map(({ pem, alg }) => {
      const name = `${alg} ${pem}`
      let index = this.#indexes.get(name)
      if (index === undefined) {
        index = this.#indexes.size
        this.#indexes.set(name, index)
        keys.push({ index, pem, alg })
      }
      return index
    })
    return { forget, keys, keyIndexes, tokens: jobs.map(({ token }) => token).join('\n') }
  }
}
