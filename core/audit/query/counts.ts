// Counting looks at every entry that it counts, of many millions for seconds, on one of the few connections that everybody shares: so there
// is one of a tenant at a time, and of all together fewer than there are connections.

import { BrokerError } from '#core/errors/broker-error.ts'

const mostAtOnce = 2

export class Counts {
  readonly #counting = new Set<string | null>()

  /** Resolves to what the work does. tenantId: whose log is counted; null: all. Throws BrokerError `overloaded` at once where another counts. */
  async run<T>(tenantId: string | null, work: () => Promise<T>): Promise<T> {
    if (this.#counting.has(tenantId) || this.#counting.size >= mostAtOnce)
      throw new BrokerError('overloaded', { hint: 'Another count is under way.', retryAfterSeconds: 2 })
    this.#counting.add(tenantId)
    try {
      return await work()
    } finally {
      this.#counting.delete(tenantId)
    }
  }
}
