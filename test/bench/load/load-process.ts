// The bench's handle on one load process. It lives over all rounds of one contender, so that its code stays compiled.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RunningContender } from '../contender.ts'
import type { LoadJob, LoadResult } from './job.ts'

export class LoadProcess {
  readonly #child: ChildProcess
  readonly #contender: RunningContender
  #first = 0

  constructor(contender: RunningContender) {
    this.#contender = contender
    this.#child = fork(fileURLToPath(import.meta.resolve('./main.ts')), { execArgv: [] })
  }

  /** Runs one plan. Throws when it is not over in time or the process dies. */
  async run(plan: LoadJob['plan']): Promise<LoadResult> {
    const { trafficModule, trafficOptions } = this.#contender
    const limitMs = (plan.seconds + plan.warmupSeconds) * 3_000 + 60_000
    const over = new AbortController()
    const signal = AbortSignal.any([AbortSignal.timeout(limitMs), over.signal])
    const job: LoadJob = { trafficModule, trafficOptions, plan, first: this.#first }
    const answer = once(this.#child, 'message', { signal })
    const death = once(this.#child, 'exit', { signal }).then(() => Promise.reject(new Error('The load process died.')))
    death.catch(() => {})
    this.#child.send(job)
    const [result] = (await Promise.race([answer, death]).finally(() => over.abort())) as [LoadResult | { problem: string }]
    if ('problem' in result) throw new Error(result.problem)
    this.#first += result.sent
    return result
  }

  /** Ends the process; harmless when it is over. */
  stop(): void {
    this.#child.kill()
  }
}
