// Proofs of RFC 6962 § 2.1.1 and § 2.1.2, made from complete nodes and verified as RFC 9162 § 2.1.3.2 and § 2.1.4.2 say.
// Node `index` of `level` is the root over leaves index · 2^level up to, without, (index + 1) · 2^level.

import { emptyRoot, hashBytes, nodeHash, subtreeLevels } from './hash.ts'

/** Gives a complete node; it may come from anywhere. */
export type ReadHash = (level: number, index: number) => Buffer | Promise<Buffer>

/** Root over leaves from `start` up to, without, `end`; start is a multiple of the power of two not smaller than the range. */
async function rootOfRange(start: number, end: number, readHash: ReadHash): Promise<Buffer> {
  const nodes: (Buffer | Promise<Buffer>)[] = []
  let at = start
  for (const level of subtreeLevels(end - start)) {
    nodes.push(readHash(level, at / 2 ** level))
    at += 2 ** level
  }
  return (await Promise.all(nodes)).reduceRight((right, left) => nodeHash(left, right))
}

/** Root of the tree at a size of at least 1. */
export const rootAt = (size: number, readHash: ReadHash): Promise<Buffer> => rootOfRange(0, size, readHash)

/** The largest power of two smaller than n ≥ 2. */
function splitOf(n: number): number {
  let split = 1
  while (split * 2 < n) split *= 2
  return split
}

const checkSize = (isFit: boolean, what: string): void => {
  if (!isFit) throw new RangeError(what)
}

/** Sibling hashes from the leaf up to the root. Throws RangeError unless 0 ≤ index < size. */
export async function inclusionProof(index: number, size: number, readHash: ReadHash): Promise<Buffer[]> {
  checkSize(
    Number.isSafeInteger(size) && Number.isSafeInteger(index) && index >= 0 && index < size,
    `No entry ${index} in ${size}`,
  )
  const path: Promise<Buffer>[] = []
  for (let start = 0, end = size; end - start > 1; ) {
    const middle = start + splitOf(end - start)
    path.push(index < middle ? rootOfRange(middle, end, readHash) : rootOfRange(start, middle, readHash))
    if (index < middle) end = middle
    else start = middle
  }
  return (await Promise.all(path)).reverse()
}

/** Proof that the tree of `to` leaves begins with that of `from`. Empty for from = 0 or from = to. Throws RangeError unless 0 ≤ from ≤ to. */
export async function consistencyProof(from: number, to: number, readHash: ReadHash): Promise<Buffer[]> {
  checkSize(Number.isSafeInteger(to) && Number.isSafeInteger(from) && from >= 0 && from <= to, `No proof from ${from} to ${to}`)
  if (from === 0 || from === to) return []
  const path: Promise<Buffer>[] = []
  let start = 0
  let end = to
  while (from !== end) {
    const middle = start + splitOf(end - start)
    path.push(from <= middle ? rootOfRange(middle, end, readHash) : rootOfRange(start, middle, readHash))
    if (from <= middle) end = middle
    else start = middle
  }
  // What is left is a complete subtree of the old tree: unless it is that tree, its root is part of the proof.
  if (start > 0) path.push(rootOfRange(start, end, readHash))
  return (await Promise.all(path)).reverse()
}

export interface InclusionClaim {
  readonly index: number
  readonly size: number
  /** Leaf hash. */
  readonly leaf: Uint8Array
  readonly path: readonly Uint8Array[]
  readonly root: Uint8Array
}

const areHashes = (values: readonly Uint8Array[]): boolean => values.every(value => value.length === hashBytes)
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** Whether the leaf stands at that index of the tree. False for everything malformed. RFC 9162 § 2.1.3.2 */
export function verifyInclusion({ index, size, leaf, path, root }: InclusionClaim): boolean {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size) return false
  if (!areHashes([leaf, root, ...path])) return false
  let place: ProofPlace = { at: index, last: size - 1, node: leaf }
  for (const sibling of path) {
    if (place.last === 0) return false
    place = climb(place, sibling)
  }
  return place.last === 0 && equal(place.node, root)
}

/** Where an inclusion proof has come to: `at` is the node's index on its level, `last` that of the level's last node. */
export interface ProofPlace {
  readonly at: number
  readonly last: number
  readonly node: Uint8Array
}

/** The place above, by the next hash of the proof. `last` must not be 0. RFC 9162 § 2.1.3.2 */
export function climb(from: ProofPlace, sibling: Uint8Array): ProofPlace {
  let { at, last, node } = from
  if (at % 2 === 1 || at === last) {
    node = nodeHash(sibling, node)
    while (at % 2 === 0 && at !== 0) {
      at /= 2
      last = Math.floor(last / 2)
    }
  } else node = nodeHash(node, sibling)
  at = Math.floor(at / 2)
  last = Math.floor(last / 2)
  return { at, last, node }
}

export interface ConsistencyClaim {
  /** Sizes of the old and the new tree. */
  readonly from: number
  readonly to: number
  readonly fromRoot: Uint8Array
  readonly toRoot: Uint8Array
  readonly path: readonly Uint8Array[]
}

/** Whether the new tree begins with the old one. False for everything malformed. RFC 9162 § 2.1.4.2 */
export function verifyConsistency({ from, to, fromRoot, toRoot, path }: ConsistencyClaim): boolean {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || from > to) return false
  if (!areHashes([fromRoot, toRoot, ...path])) return false
  if (from === 0) return path.length === 0 && equal(fromRoot, emptyRoot) && (to > 0 || equal(toRoot, emptyRoot))
  if (from === to) return path.length === 0 && equal(fromRoot, toRoot)
  // Where the old tree is one complete subtree, its root is known and not part of the proof.
  const nodes = isPowerOfTwo(from) ? [fromRoot, ...path] : path
  const [first, ...rest] = nodes
  if (!first) return false
  let at = from - 1
  let last = to - 1
  const climb = (): void => {
    at = Math.floor(at / 2)
    last = Math.floor(last / 2)
  }
  while (at % 2 === 1) climb()
  let oldNode = first
  let newNode = first
  for (const node of rest) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      oldNode = nodeHash(node, oldNode)
      newNode = nodeHash(node, newNode)
      while (at % 2 === 0 && at !== 0) climb()
    } else newNode = nodeHash(newNode, node)
    climb()
  }
  return last === 0 && equal(oldNode, fromRoot) && equal(newNode, toRoot)
}

const isPowerOfTwo = (n: number): boolean => subtreeLevels(n).length === 1
