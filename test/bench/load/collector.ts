// What came back within the measured time. Answers are only kept here; whether they verify is found out afterwards
// (`judge.ts`), so that the checking takes no time from the servers on the same cores.

import { AnswerStore } from './answer-store.ts'
import type { Answer } from './lane.ts'

export interface Collected {
  answers: AnswerStore
  /** Connection errors and lost answers, first messages. */
  errors: string[]
  errorCount: number
  /** All that were sent, warm-up included. */
  sent: number
  measuredMs: number
  /** How late the generator itself sent (open loop only). */
  lagMs: number[]
  /** Processor time of the generator over wall time, warm-up included; 1 = one core. */
  generatorShare: number
}

const maxErrors = 1_000

export class Collector {
  sent = 0
  readonly #first: number
  readonly #begin: number
  readonly #end: number
  readonly #by: 'arrival' | 'due'
  readonly #answers = new AnswerStore()
  readonly #lagMs: number[] = []
  readonly #errors: string[] = []
  #errorCount = 0
  readonly #cpu = process.cpuUsage()
  readonly #startedAt = performance.now()

  /** `begin`, `end`: the measured time. An answer belongs to it by its arrival (throughput) or by when it was due (latency). */
  constructor(first: number, begin: number, end: number, by: 'arrival' | 'due' = 'arrival') {
    this.#first = first
    this.#begin = begin
    this.#end = end
    this.#by = by
  }

  /** The index of the next request. */
  take(): number {
    return this.#first + this.sent++
  }

  /** So many errors that going on makes no sense. */
  get brokenOff(): boolean {
    return this.#errorCount >= maxErrors
  }

  add(index: number, answer: Answer | Error, from: number, arrivedAt: number): void {
    if (answer instanceof Error) {
      this.#addError(answer.message)
      return
    }
    const at = this.#by === 'due' ? from : arrivedAt
    if (at < this.#begin || at >= this.#end) return
    this.#answers.add(index, answer.status, arrivedAt - from, answer.body)
  }

  addLag(ms: number): void {
    this.#lagMs.push(ms)
  }

  addLost(count: number): void {
    for (let i = 0; i < count; i++) this.#addError('No answer came in time.')
  }

  finish(): Collected {
    const { user, system } = process.cpuUsage(this.#cpu)
    return {
      answers: this.#answers,
      errors: this.#errors,
      errorCount: this.#errorCount,
      sent: this.sent,
      measuredMs: this.#end - this.#begin,
      lagMs: this.#lagMs,
      generatorShare: (user + system) / 1000 / (performance.now() - this.#startedAt),
    }
  }

  #addError(message: string): void {
    this.#errorCount++
    if (this.#errors.length < 3) this.#errors.push(message)
  }
}
