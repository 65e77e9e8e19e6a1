// What is revoked, by mark. An entry is a fact that only ends by time, so entries are added and outlived, never taken back:
// not by a new snapshot, and not by another shard. A token that was looked up once is looked up again only after something
// came in, which its `version` tells.

import type { TaskTokenClaims } from '../token/claims.ts'
import { type FeedEntry, markOf } from './entry.ts'

interface Held {
  /** Infinity: nothing counts, whatever its number. */
  least: number
  until: number
}

/** All marks under which an entry could refuse a token. */
export type TokenMarks = readonly string[]

/** What is remembered of a token that was looked up: its marks, and the index's version at which nothing refused it. */
export interface RevocationMemo {
  marks?: TokenMarks
  passedAt?: number
}

/** How many entries one round of forgetting looks at. */
const roundSize = 5000

/** Revocations that have not ended. */
export class RevocationIndex {
  readonly #entries = new Map<string, Held>()
  readonly #limit: number
  #round: IterableIterator<[string, Held]> | undefined
  #version = 0

  /** limit: most entries held at a time. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Changes with everything that comes in. */
  get version(): number {
    return this.#version
  }

  get size(): number {
    return this.#entries.size
  }

  /** Takes entries in. False where they do not all fit: then it cannot be known any more what is revoked. */
  add(entries: readonly FeedEntry[]): boolean {
    this.#version += 1
    for (const { mark, least = Number.POSITIVE_INFINITY, until } of entries) {
      const held = this.#entries.get(mark)
      if (held) {
        held.least = Math.max(held.least, least)
        held.until = Math.max(held.until, until)
      } else if (this.#entries.size >= this.#limit) return false
      else this.#entries.set(mark, { least, until })
    }
    return true
  }

  /** Whether any entry refuses the token. */
  refuses(marks: TokenMarks, claims: TaskTokenClaims): boolean {
    return marks.some(mark => {
      const held = this.#entries.get(mark)
      return held !== undefined && isRefused(mark, held.least, claims)
    })
  }

  /**
   * Forgets some of what has ended. To be called each second or so; each call is short. Only with a time that is past by this
   * machine's clock and by the broker's: what was forgotten by a clock that is set back afterwards would count again.
   */
  forgetEnded(nowSeconds: number): void {
    this.#round ??= this.#entries.entries()
    for (let looked = 0; looked < roundSize; looked += 1) {
      const next = this.#round.next()
      if (next.done) {
        this.#round = undefined
        return
      }
      const [mark, held] = next.value
      if (isOver(mark, held, nowSeconds)) this.#entries.delete(mark)
    }
  }

  /** Forgets all that has ended, by the same rule. */
  forgetAllEnded(nowSeconds: number): void {
    this.#round = undefined
    for (const [mark, held] of this.#entries) if (isOver(mark, held, nowSeconds)) this.#entries.delete(mark)
  }
}

/**
 * Never of a key: what a thief signs with it ends when the thief likes, and a guard that was given its keys at the start goes on
 * with them after the issuer has forgotten them.
 */
const isOver = (mark: string, { until }: Held, nowSeconds: number): boolean => until < nowSeconds && !mark.startsWith('k')

function isRefused(mark: string, least: number, claims: TaskTokenClaims): boolean {
  switch (mark[0]) {
    case 'a':
      return claims.gen < least
    case 'x':
      // The tree ends with its root: every descendant, whatever its own generation, and the root's earlier tokens.
      return claims.account_id !== claims.sub || claims.gen < least
    case 'c':
    case 't':
      return claims.cfg < least
    default:
      return true
  }
}

/** All marks under which an entry could refuse this token. */
export function marksOf(claims: TaskTokenClaims, kid: string): TokenMarks {
  const marks = [
    markOf('a', claims.account_id),
    markOf('j', claims.jti),
    markOf('c', claims.client_id),
    markOf('k', kid),
    markOf('t', claims.iss),
  ]
  if (claims.txn !== undefined) marks.push(markOf('x', claims.txn))
  // The outermost actor is `client_id` itself; those above acted before, and a chain is as good as each of its links.
  for (let actor = claims.act.act; actor; actor = actor.act) marks.push(markOf('c', actor.sub))
  return marks
}
