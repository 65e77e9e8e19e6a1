// What a call of the API takes, and what a list gives.

/** Options of one call. */
export interface ApiCallOptions {
  /** Ends the waiting; what the broker has begun it may still do. */
  readonly signal?: AbortSignal
  /**
   * Of a POST: the same key with the same body does the work once, for 24 hours, however often it is sent. Each call makes one of its
   * own for its own repetitions; give one to repeat a call across processes.
   */
  readonly idempotencyKey?: string
}

/** One page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** Undefined on the last page. */
  readonly nextCursor: string | undefined
}

/**
 * A list: `for await` gives every item and asks for the next page when it is needed. Nothing is sent before.
 */
export interface Pages<Item> extends AsyncIterable<Item> {
  /** One page: the first, or the one that a cursor names. */
  page(cursor?: string): Promise<Page<Item>>
  /** All items, or the first `limit`. */
  all(limit?: number): Promise<Item[]>
}

/** A list whose pages `read` gives. */
export function pagesOf<Item>(read: (cursor: string | undefined) => Promise<Page<Item>>): Pages<Item> {
  async function* items(): AsyncGenerator<Item> {
    let cursor: string | undefined
    do {
      const page: Page<Item> = await read(cursor)
      yield* page.items
      cursor = page.nextCursor
    } while (cursor !== undefined)
  }
  return {
    [Symbol.asyncIterator]: items,
    page: cursor => read(cursor),
    async all(limit = Number.POSITIVE_INFINITY) {
      const found: Item[] = []
      if (limit <= 0) return found
      for await (const item of items()) {
        found.push(item)
        if (found.length >= limit) break
      }
      return found
    },
  }
}
