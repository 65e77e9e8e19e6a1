// Those who wait until a tenant's streams may have something new. Hearing of it is a hint: who hears nothing looks again in a while.

export class Wakes {
  readonly #waiting = new Map<string, Set<() => void>>()
  #isClosed = false

  wake(tenantId: string): void {
    const waiting = this.#waiting.get(tenantId)
    this.#waiting.delete(tenantId)
    for (const wake of waiting ?? []) wake()
  }

  /** Resolves when the tenant was woken, or after so long, or when the signal says so. */
  wait(tenantId: string, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#isClosed || signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        const left = this.#waiting.get(tenantId)
        left?.delete(done)
        if (left?.size === 0) this.#waiting.delete(tenantId)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
      const waiting = this.#waiting.get(tenantId) ?? new Set()
      this.#waiting.set(tenantId, waiting.add(done))
    })
  }

  /** Nobody waits any more. */
  close(): void {
    this.#isClosed = true
    for (const tenantId of [...this.#waiting.keys()]) this.wake(tenantId)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }
}
