/**
 * Work that is asked for from several sides and must not be done twice at once. Who asks while it is under way waits for one more
 * run after it, shared with all who ask meanwhile: what they know of may have come too late for the run under way.
 */
export function oneAtATime<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined
  let next: Promise<Result> | undefined
  const run = (): Promise<Result> => {
    running = work().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    // Whoever waits comes first, also in the moment between two runs.
    if (next) return next
    if (!running) return run()
    next = running
      .catch(() => {})
      .then(() => {
        next = undefined
        return run()
      })
    return next
  }
}
