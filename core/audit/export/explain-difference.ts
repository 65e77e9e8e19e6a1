// Which entry was changed, removed, put in or moved. Every leaf holds an id and a salt, so a hash tells an entry from all others: two
// rows of hashes, what was sealed and what is there, are compared as one compares two texts.

import { hashBytes, leafHash } from '#core/tlog/hash.ts'

export type DifferenceKind = 'changed' | 'missing' | 'inserted' | 'moved'

export interface Difference {
  readonly kind: DifferenceKind
  /** Place in the row that was sealed. */
  readonly index: number
  /** Of one that was moved: its place in the row that was found. */
  readonly now?: number
}

/** What an export has in the place of an entry that the database no longer has: an entry of no bytes. */
const nothing = leafHash('').toString('latin1')

/** Tells no more than so many. */
export const differencesMax = 100

/**
 * sealed, found: 32-byte hashes one behind another. mayGoOn: what is behind them was not read, so that their end means nothing.
 * Returns none only when both are the same.
 */
export function explainDifference(sealed: Buffer, found: Buffer, mayGoOn: boolean): Difference[] {
  const comparison = new Comparison(new Row(sealed), new Row(found))
  while (comparison.differences.length < differencesMax && comparison.step(mayGoOn));
  return comparison.differences
}

/** Hashes in a row, and where each first stands. */
class Row {
  readonly count: number
  readonly #hashes: Buffer
  readonly #places = new Map<string, number>()

  constructor(hashes: Buffer) {
    this.#hashes = hashes
    this.count = hashes.length / hashBytes
    for (let index = this.count - 1; index >= 0; index--) this.#places.set(this.at(index), index)
  }

  at(index: number): string {
    return this.#hashes.toString('latin1', index * hashBytes, (index + 1) * hashBytes)
  }

  placeOf(hash: string): number | undefined {
    return this.#places.get(hash)
  }
}

class Comparison {
  readonly differences: Difference[] = []
  readonly #sealed: Row
  readonly #found: Row
  readonly #movedOnes = new Set<number>()
  #s = 0
  #f = 0

  constructor(sealed: Row, found: Row) {
    this.#sealed = sealed
    this.#found = found
  }

  /** One step along either row, or both; false at the end. */
  step(mayGoOn: boolean): boolean {
    const [sealed, found] = [this.#sealed, this.#found]
    if (this.#s >= sealed.count) {
      if (this.#f >= found.count || mayGoOn) return false
      const from = sealed.placeOf(found.at(this.#f))
      if (from === undefined || !this.#movedOnes.has(from)) this.#tell('inserted', this.#s)
      this.#f++
      return true
    }
    const wanted = sealed.at(this.#s)
    if (this.#f >= found.count) {
      if (!mayGoOn && found.placeOf(wanted) === undefined) this.#tell('missing', this.#s)
      this.#s++
      return !mayGoOn
    }
    const there = found.at(this.#f)
    if (wanted === there) this.#go(1, 1)
    else this.#differ(wanted, there)
    return true
  }

  #differ(wanted: string, there: string): void {
    const wantedAt = this.#found.placeOf(wanted)
    const thereFrom = this.#sealed.placeOf(there)
    if (wantedAt === undefined) {
      const isRemoved = thereFrom !== undefined && thereFrom > this.#s
      this.#tell(isRemoved || there === nothing ? 'missing' : 'changed', this.#s)
      this.#go(1, isRemoved ? 0 : 1)
    } else if (wantedAt < this.#f) {
      // It was met before; what stands here is either its counterpart, or what comes next.
      this.#tellMoved(this.#s, wantedAt)
      this.#go(1, thereFrom !== undefined && thereFrom > this.#s ? 0 : 1)
    } else if (thereFrom === undefined || thereFrom < this.#s) {
      if (thereFrom === undefined || !this.#movedOnes.has(thereFrom)) this.#tell('inserted', this.#s)
      this.#go(0, 1)
    } else if (wantedAt === this.#f + 1) {
      this.#tellMoved(thereFrom, this.#f)
      this.#go(0, 1)
    } else {
      this.#tellMoved(this.#s, wantedAt)
      this.#go(1, thereFrom === this.#s + 1 ? 0 : 1)
    }
  }

  #go(sealed: number, found: number): void {
    this.#s += sealed
    this.#f += found
  }

  #tell(kind: 'changed' | 'missing' | 'inserted', at: number): void {
    this.differences.push({ kind, index: at })
  }

  #tellMoved(at: number, now: number): void {
    if (this.#movedOnes.has(at)) return
    this.#movedOnes.add(at)
    this.differences.push({ kind: 'moved', index: at, now })
  }
}
