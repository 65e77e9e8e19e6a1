// The tree over millions of entries, fast. What costs is not SHA-256 but making an object for each hash, so nothing here makes one:
// an entry is hashed where it stands in its bundle (the byte before it, of its length, lends its place to RFC 6962's 0x00), a
// digest is written as a latin1 string straight into the tile that it belongs to, and nodes are hashed out of one scratch buffer.

import { hash } from 'node:crypto'
import { emptyRoot, hashBytes } from '#core/tlog/hash.ts'
import { tileWidth } from '#core/tlog/tile-path.ts'

// Node takes every encoding of Buffer here; its types name three of them.
const digestText = hash as unknown as (algorithm: 'sha256', data: Uint8Array, encoding: 'latin1') => string

/** Writes the RFC 6962 leaf hash of `bundle[start, end)` to `out`; the byte before `start` is borrowed, and given back. */
function writeLeafHash(bundle: Buffer, start: number, end: number, out: Buffer, at: number): void {
  const before = bundle[start - 1]!
  bundle[start - 1] = 0
  out.write(digestText('sha256', bundle.subarray(start - 1, end), 'latin1'), at, hashBytes, 'latin1')
  bundle[start - 1] = before
}

/**
 * Hashes the entries of a bundle into `out`, 32 bytes each, as many as find room. Returns how many whole entries there are, and the
 * bytes behind them; a sound bundle has none.
 */
export function hashBundle(bundle: Buffer, out: Buffer): { readonly count: number; readonly restBytes: number } {
  const room = out.length / hashBytes
  let count = 0
  let at = 0
  while (count < room && at + 2 <= bundle.length) {
    const start = at + 2
    const end = start + ((bundle[at]! << 8) | bundle[at + 1]!)
    if (end > bundle.length) break
    writeLeafHash(bundle, start, end, out, count * hashBytes)
    count++
    at = end
  }
  return { count, restBytes: bundle.length - at }
}

const pairBytes = 1 + 2 * hashBytes
/** Pairs of nodes, each behind its 0x01. A tile and one carried node make 129 of them. */
const pairs = Buffer.alloc(pairBytes * (tileWidth / 2 + 1))
for (let at = 0; at < pairs.length; at += pairBytes) pairs[at] = 1
const placeOf = (node: number): number => (node >> 1) * pairBytes + 1 + (node & 1) * hashBytes

/**
 * Root over `count` hashes that stand one behind another, at least one; a last `carried` one behind them. RFC 6962 § 2.1: hashed
 * in pairs level by level, an odd one at the end goes up as it is.
 */
export function rootOfHashes(hashes: Buffer, count: number, carried?: Buffer): Buffer {
  for (let node = 0; node < count; node++) hashes.copy(pairs, placeOf(node), node * hashBytes, (node + 1) * hashBytes)
  let nodes = count
  if (carried) carried.copy(pairs, placeOf(nodes++))
  while (nodes > 1) {
    const half = nodes >> 1
    for (let pair = 0; pair < half; pair++) {
      const from = pair * pairBytes
      pairs.write(digestText('sha256', pairs.subarray(from, from + pairBytes), 'latin1'), placeOf(pair), hashBytes, 'latin1')
    }
    if (nodes & 1) pairs.copy(pairs, placeOf(half), placeOf(nodes - 1), placeOf(nodes - 1) + hashBytes)
    nodes = half + (nodes & 1)
  }
  return Buffer.from(pairs.subarray(1, 1 + hashBytes))
}

interface Level {
  readonly hashes: Buffer
  count: number
}

/** Called with every full tile above level 0, and with what is left of them at the end; the bytes are reused afterwards. */
export type OnTile = (level: number, index: number, hashes: Buffer) => void

/** The tree over full tiles of leaf hashes, pushed one after another; it keeps one tile of each level. */
export class TreeSum {
  /** From level 1 of tiles upwards. */
  readonly #levels: Level[]
  readonly #onTile: OnTile
  #tiles: number

  constructor(onTile: OnTile = () => undefined, from?: TreeSum) {
    this.#levels = from ? from.#levels.map(({ hashes, count }) => ({ hashes: Buffer.from(hashes), count })) : []
    this.#onTile = onTile
    this.#tiles = from ? from.#tiles : 0
  }

  /** hashes: 256 leaf hashes. */
  push(hashes: Buffer): void {
    this.#tiles++
    let node = rootOfHashes(hashes, tileWidth)
    for (let at = 0; ; at++) {
      this.#levels[at] ??= { hashes: Buffer.alloc(tileWidth * hashBytes), count: 0 }
      const level = this.#levels[at]!
      node.copy(level.hashes, level.count++ * hashBytes)
      if (level.count < tileWidth) return
      this.#onTile(at + 1, this.#tiles / tileWidth ** (at + 1) - 1, level.hashes)
      node = rootOfHashes(level.hashes, tileWidth)
      level.count = 0
    }
  }

  /** Root with `count` more leaf hashes, fewer than 256, behind the tiles. */
  rootWith(hashes: Buffer, count: number): Buffer {
    let node = count > 0 ? rootOfHashes(hashes, count) : undefined
    for (const level of this.#levels) {
      if (level.count > 0) node = rootOfHashes(level.hashes, level.count, node)
    }
    return node ?? Buffer.from(emptyRoot)
  }

  /** Tells of the tiles that are not full, level 0 apart. */
  flush(): void {
    this.#levels.forEach(({ hashes, count }, at) => {
      if (count > 0) this.#onTile(at + 1, Math.floor(this.#tiles / tileWidth ** (at + 1)), hashes.subarray(0, count * hashBytes))
    })
  }
}
