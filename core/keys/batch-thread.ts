// Work for the processor on a thread of its own, in batches. While one batch is worked on the next gathers, so a wake-up of
// the thread, which on a busy machine costs as much as a signature, is shared by many. (libuv's own threads are woken for
// each.) What kind of work it is, is told by the thread's module.

import { Worker } from 'node:worker_threads'
import { BrokerError } from '#core/errors/broker-error.ts'

interface Waiting<Job> {
  readonly job: Job
  readonly resolve: (result: string) => void
  readonly reject: (error: unknown) => void
}

/** What a thread is sent: `pack`'s form of a batch. It answers one line of text for each job, in order. */
export class BatchThread<Job> {
  readonly #module: URL
  readonly #pack: (jobs: readonly Job[], fresh: boolean) => unknown
  #worker: Worker | undefined
  #fresh = true
  #waiting: Waiting<Job>[] = []
  #inFlight: Waiting<Job>[] = []
  #scheduled = false

  /** pack: makes the message of a batch; fresh: it is the first that this thread gets. */
  constructor(module: URL, pack: (jobs: readonly Job[], fresh: boolean) => unknown) {
    this.#module = module
    this.#pack = pack
  }

  /** The thread's line for this job. Rejects with BrokerError `internal` when the thread dies; the next call starts another. */
  do(job: Job): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject })
      if (this.#inFlight.length > 0 || this.#scheduled) return
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.#send()
      })
    })
  }

  /** What is under way is refused. */
  async close(): Promise<void> {
    const worker = this.#worker
    if (!worker) return
    this.#forget(worker, new Error('closed'))
    await worker.terminate()
  }

  #send(): void {
    if (this.#waiting.length === 0 || this.#inFlight.length > 0) return
    this.#worker ??= this.#start()
    const batch = this.#waiting
    this.#waiting = []
    this.#inFlight = batch
    const message = this.#pack(
      batch.map(({ job }) => job),
      this.#fresh,
    )
    this.#fresh = false
    this.#worker.postMessage(message)
  }

  #start(): Worker {
    this.#fresh = true
    // What it makes lives as long as a batch: room for more would only lie there, 10 MB for each thread.
    const worker = new Worker(this.#module, { resourceLimits: { maxYoungGenerationSizeMb: 4 } })
    worker.unref()
    worker.on('message', (answer: string) => {
      // Of one that was given up: another batch is under way, and nobody may get another's line.
      if (this.#worker !== worker) return
      const batch = this.#inFlight
      this.#inFlight = []
      this.#send()
      const lines = answer.split('\n')
      for (const [i, waiting] of batch.entries()) waiting.resolve(lines[i]!)
    })
    const die = (cause: unknown): void => this.#forget(worker, cause)
    worker.on('error', die)
    worker.on('exit', die)
    return worker
  }

  /** A thread that dies says so twice, `error` and a while later `exit`; by then the next one may be at work. */
  #forget(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const lost = [...this.#inFlight, ...this.#waiting]
    this.#inFlight = []
    this.#waiting = []
    for (const { reject } of lost) reject(new BrokerError('internal', { detail: 'a worker thread ended', cause }))
  }
}
