// Hands out places in status lists. Each process has lists of its own, so nobody is asked: a place that was handed out here is handed
// out nowhere else, and never again, whether its token was issued in the end or not. A list that is full is followed by another.

import { randomInt } from 'node:crypto'
import { newUuid } from '#core/ids/id.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { ListNames } from './list-names.ts'
import type { StatusPlace } from './place.ts'
import { Shuffle } from './shuffle.ts'

/** A list in use holds 128 KB. A tenant that is forgotten gets a new list with its next token. */
const mostLists = 128

interface ListInUse {
  readonly list: string
  readonly uri: string
  readonly shuffle: Shuffle
}

export class StatusPlaces {
  readonly #names: Pick<ListNames, 'write'>
  readonly #lists = new GenerationCache<string, ListInUse>(mostLists)

  constructor(names: Pick<ListNames, 'write'>) {
    this.#names = names
  }

  draw({ id, issuer }: { readonly id: string; readonly issuer: string }, nowMs: number): StatusPlace {
    const known = this.#lists.get(id)
    const idx = known?.shuffle.take()
    if (known && idx !== undefined) return { list: known.list, idx, uri: known.uri }
    const list = newUuid(nowMs)
    const uri = `${issuer}/status-lists/${this.#names.write(id, list)}`
    const fresh = { list, uri, shuffle: new Shuffle(below => randomInt(below)) }
    this.#lists.set(id, fresh)
    return { list, idx: fresh.shuffle.take()!, uri }
  }
}
