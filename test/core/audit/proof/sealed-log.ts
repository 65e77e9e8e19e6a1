// A sealed log for tests: entries, tiles in memory, a checkpoint.

import { generateKeyPairSync } from 'node:crypto'
import { formatCheckpoint } from '#core/tlog/checkpoint.ts'
import { encodeBundle } from '#core/tlog/entry-bundle.ts'
import { Frontier, leafHash, nodeHash } from '#core/tlog/hash.ts'
import { createNoteSigner, type NoteSigner, signNote } from '#core/tlog/note.ts'
import { tileWidthAt } from '#core/tlog/read-tiles.ts'
import { tilePath, tileWidth } from '#core/tlog/tile-path.ts'

export interface SealedLog {
  readonly origin: string
  readonly signer: NoteSigner
  /** By path within the shard. */
  readonly files: Map<string, Buffer>
  readonly entries: readonly Buffer[]
}

/** entries: their texts, in order. signers: beside the log itself. */
export function sealLog(origin: string, texts: readonly string[], signers: readonly NoteSigner[] = []): SealedLog {
  const entries = texts.map(text => Buffer.from(text))
  const signer = createNoteSigner(origin, generateKeyPairSync('ed25519').privateKey)
  const files = new Map<string, Buffer>()
  const tree = new Frontier()
  let nodes = entries.map(entry => {
    const leaf = leafHash(entry)
    tree.append(leaf)
    return leaf
  })
  const size = entries.length
  for (let level = 0; nodes.length > 0; level++) {
    for (let index = 0, width = tileWidthAt(size, level, 0); width > 0; width = tileWidthAt(size, level, ++index))
      files.set(tilePath(level, index, width), Buffer.concat(nodes.slice(index * tileWidth, index * tileWidth + width)))
    nodes = above(nodes)
  }
  for (let index = 0, width = tileWidthAt(size, 0, 0); width > 0; width = tileWidthAt(size, 0, ++index))
    files.set(tilePath('entries', index, width), encodeBundle(entries.slice(index * tileWidth, index * tileWidth + width)))
  files.set('checkpoint', Buffer.from(signNote(formatCheckpoint({ origin, size, root: tree.root() }), [signer, ...signers])))
  return { origin, signer, files, entries }
}

/** The complete nodes eight levels up. */
function above(nodes: readonly Buffer[]): Buffer[] {
  let level = nodes
  for (let step = 0; step < 8; step++)
    level = Array.from({ length: Math.floor(level.length / 2) }, (_, at) => nodeHash(level[2 * at]!, level[2 * at + 1]!))
  return [...level]
}
