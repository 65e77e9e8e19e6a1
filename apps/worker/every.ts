/**
 * Rounds of background work, one each `everyMs`, never two at once. work: must not reject. What is returned ends the rounds behind the one
 * under way.
 */
export function every(everyMs: number, work: () => Promise<unknown>): { close(): Promise<void> } {
  let round: Promise<unknown> = Promise.resolve()
  let isBusy = false
  const timer = setInterval(() => {
    if (isBusy) return
    isBusy = true
    round = work().finally(() => {
      isBusy = false
    })
  }, everyMs).unref()
  return {
    async close() {
      clearInterval(timer)
      await round
    },
  }
}
