// Whoever registers a connector may stand behind its server: one that answers without end would else fill the memory of a process
// that serves every tenant. The clients collect what comes until an answer is whole, so what came is looked at from outside.

import { ConnectorFailure } from '#core/connector/connector.ts'

const everyMs = 20

export interface AnswerBound {
  /** An answer is whole: what comes from now on is the next one. */
  next(): void
  /** Throws where it was exceeded, so that this is told and not that the connection is gone. */
  check(): void
  end(): void
}

/** Calls `cut` once more than `mostBytes` have come in one answer. streamOf: the connection, as soon as there is one. */
export function boundAnswers(
  mostBytes: number,
  streamOf: () => { readonly bytesRead: number } | undefined,
  cut: () => void,
): AnswerBound {
  let before = 0
  let isExceeded = false
  const timer = setInterval(() => {
    if ((streamOf()?.bytesRead ?? 0) - before <= mostBytes) return
    isExceeded = true
    clearInterval(timer)
    cut()
  }, everyMs)
  return {
    next() {
      before = streamOf()?.bytesRead ?? 0
    },
    check() {
      if (isExceeded) throw new ConnectorFailure('failed', `its answer is longer than ${mostBytes} bytes`)
    },
    end: () => clearInterval(timer),
  }
}
