// Signing on a thread of its own. A signature costs a quarter of all that the main thread does for a token, and nothing in
// the request waits for it but the answer. While one batch is being signed the next gathers, so a wake-up of the thread,
// which on a busy machine costs as much as a signature, is shared by many. (libuv's own threads are woken for each.)

import type { KeyObject } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { SignInput } from './signing-key.ts'

interface Waiting {
  readonly key: KeyObject
  readonly input: string
  readonly resolve: (signature: string) => void
  readonly reject: (error: unknown) => void
}

/** One batch: `keys` are those that the thread has not seen, `keyIndexes` names the key of each line of `inputs`. */
export interface SigningOrder {
  readonly keys: readonly { readonly index: number; readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' | 'der' }[]
  readonly keyIndexes: readonly number[]
  readonly inputs: string
}

export class SigningThread {
  #worker: Worker | undefined
  #indexes = new Map<KeyObject, number>()
  #waiting: Waiting[] = []
  #inFlight: Waiting[] = []
  #scheduled = false

  /** The signature of ASCII text, base64url. Rejects with BrokerError `internal` when the thread dies; the next call starts another. */
  readonly sign: SignInput = (key, input) =>
    new Promise((resolve, reject) => {
      this.#waiting.push({ key, input, resolve, reject })
      if (this.#inFlight.length > 0 || this.#scheduled) return
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.#send()
      })
    })

  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  #send(): void {
    if (this.#waiting.length === 0 || this.#inFlight.length > 0) return
    this.#worker ??= this.#start()
    const batch = this.#waiting
    this.#waiting = []
    this.#inFlight = batch
    const keys: SigningOrder['keys'][number][] = []
    const keyIndexes = batch.map(({ key }) => {
      let index = this.#indexes.get(key)
      if (index === undefined) {
        index = this.#indexes.size
        this.#indexes.set(key, index)
        keys.push({ index, key, dsaEncoding: key.asymmetricKeyType === 'ec' ? 'ieee-p1363' : 'der' })
      }
      return index
    })
    this.#worker.postMessage({ keys, keyIndexes, inputs: batch.map(({ input }) => input).join('\n') } satisfies SigningOrder)
  }

  #start(): Worker {
    const worker = new Worker(new URL('./signing-thread-worker.ts', import.meta.url))
    worker.unref()
    worker.on('message', (signatures: string) => {
      const batch = this.#inFlight
      this.#inFlight = []
      this.#send()
      const lines = signatures.split('\n')
      for (const [i, waiting] of batch.entries()) waiting.resolve(lines[i]!)
    })
    const die = (cause: unknown): void => this.#forget(worker, cause)
    worker.on('error', die)
    worker.on('exit', die)
    return worker
  }

  #forget(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker && this.#inFlight.length === 0) return
    this.#worker = undefined
    this.#indexes = new Map()
    const lost = [...this.#inFlight, ...this.#waiting]
    this.#inFlight = []
    this.#waiting = []
    for (const { reject } of lost) reject(new BrokerError('internal', { detail: 'the signing thread ended', cause }))
  }
}
