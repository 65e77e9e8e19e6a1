// Hashes of RFC 6962 § 2.1: a leaf and a node are told apart by their first byte, so that neither passes for the other.

import { hash } from 'node:crypto'

/** Bytes of a hash. */
export const hashBytes = 32

/** What a node is hashed from, written over for each: to make a buffer takes a third as long as to hash it. */
const nodeDraft = Buffer.alloc(1 + 2 * hashBytes, 1)

/** The root of a tree without leaves: SHA-256 of nothing. */
export const emptyRoot: Buffer = hash('sha256', '', 'buffer')

/** SHA-256(0x00 ‖ entry), 32 bytes; a text is taken as its UTF-8. */
export function leafHash(entry: string | Uint8Array): Buffer {
  if (typeof entry === 'string') return hash('sha256', `\0${entry}`, 'buffer')
  const marked = Buffer.allocUnsafe(1 + entry.length)
  marked[0] = 0
  marked.set(entry, 1)
  return hash('sha256', marked, 'buffer')
}

/** SHA-256(0x01 ‖ left ‖ right), 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== hashBytes || right.length !== hashBytes)
    return hash('sha256', Buffer.concat([Buffer.of(1), left, right], nodeDraft.length), 'buffer')
  nodeDraft.set(left, 1)
  nodeDraft.set(right, 1 + hashBytes)
  return hash('sha256', nodeDraft, 'buffer')
}

/**
 * The right edge of a growing tree: one hash for each complete subtree, as many as the size has ones in binary. It gives the root
 * at any moment without what lies below, and costs two hashes a leaf.
 */
export class Frontier {
  #size: number
  /** Largest subtree first. */
  readonly #edge: Buffer[]

  /** size: leaves so far; edge: hashes of the complete subtrees that make them up, largest first. */
  constructor(size = 0, edge: readonly Buffer[] = []) {
    if (edge.length !== subtreeLevels(size).length) throw new RangeError(`A tree of ${size} leaves has another edge`)
    this.#size = size
    this.#edge = [...edge]
  }

  get size(): number {
    return this.#size
  }

  /** Hashes of the complete subtrees, largest first: what a Frontier is made from again. */
  get edge(): readonly Buffer[] {
    return this.#edge
  }

  /** made: takes the nodes that are complete by this leaf, of level 1, 2, … */
  append(leaf: Buffer, made?: Buffer[]): void {
    let node = leaf
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      node = nodeHash(this.#edge.pop()!, node)
      made?.push(node)
    }
    this.#edge.push(node)
    this.#size++
  }

  root(): Buffer {
    return rootOfEdge(this.#edge)
  }

  copy(): Frontier {
    return new Frontier(this.#size, this.#edge)
  }
}

/** Root of a tree whose complete subtrees these are, largest first. */
export function rootOfEdge(edge: readonly Buffer[]): Buffer {
  return edge.length === 0 ? emptyRoot : edge.reduceRight((right, left) => nodeHash(left, right))
}

/** Levels of the complete subtrees that a tree of that size consists of, largest first: 6 → [2, 1]. */
export function subtreeLevels(size: number): number[] {
  const levels: number[] = []
  for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / 2)) if (rest % 2 === 1) levels.unshift(level)
  return levels
}
