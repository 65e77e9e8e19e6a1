import { BrokerError } from '#core/errors/broker-error.ts'

/** A caller is promised an answer within a second; this leaves the rest of it for the way back. */
const answerWithinMs = 950

/**
 * What `work` gives, or BrokerError `log_unavailable` once `ms` have passed. Each step of a call has a limit of its own; this
 * one holds for their sum. The work itself is not stopped: what it still brings home is thrown away.
 */
export function withinDeadline<Value>(work: Promise<Value>, ms = answerWithinMs): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new BrokerError('log_unavailable', { detail: 'the answer took too long', retryAfterSeconds: 1 }))
    }, ms)
    work.then(
      value => {
        clearTimeout(timer)
        resolve(value)
      },
      error => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
