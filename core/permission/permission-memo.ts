// Clients send the same `authorization_details` text again with every renewal. Normalising is pure, so its result may be kept
// by the text; it is frozen, so it may be handed out again. Only what was accepted is kept, and only short texts, so that
// a stranger can neither grow the memo beyond its bound nor fill it with junk. The owner decides how long it lives.

import { LRUCache } from 'lru-cache'
import { type NormaliseResult, parseDetails } from './normalise.ts'

const MAX_REMEMBERED_CHARS = 2048

export class PermissionMemo {
  readonly #byText: LRUCache<string, NormaliseResult>

  /** `maxEntries` texts of at most 2,048 characters are kept. */
  constructor(maxEntries = 1000) {
    this.#byText = new LRUCache({ max: maxEntries })
  }

  /** As `parseDetails`. Equal texts may give the very same frozen result. */
  parseDetails(text: string): NormaliseResult {
    const known = this.#byText.get(text)
    if (known) return known
    const result = Object.freeze(parseDetails(text))
    if (result.ok && text.length <= MAX_REMEMBERED_CHARS) this.#byText.set(text, result)
    return result
  }
}
