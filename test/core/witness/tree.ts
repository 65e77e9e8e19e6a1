// Logs for tests: a tree of leaves with a key that signs its checkpoints, and proofs out of it.

import { generateKeyPairSync } from 'node:crypto'
import { formatCheckpoint } from '#core/tlog/checkpoint.ts'
import { Frontier, leafHash, nodeHash } from '#core/tlog/hash.ts'
import { createNoteSigner, type NoteSigner, signNote } from '#core/tlog/note.ts'
import { consistencyProof } from '#core/tlog/proof.ts'

export interface TestLog {
  readonly origin: string
  readonly signer: NoteSigner
  /** The signed checkpoint of the first `size` entries; changed: entries of another history, by index. */
  checkpoint(size: number, changed?: ReadonlySet<number>): string
  proof(from: number, to: number, changed?: ReadonlySet<number>): Promise<Buffer[]>
}

export function createTestLog(origin: string): TestLog {
  const signer = createNoteSigner(origin, generateKeyPairSync('ed25519').privateKey)
  const leaf = (index: number, changed: ReadonlySet<number>) => leafHash(`${changed.has(index) ? 'changed' : 'entry'} ${index}`)
  const none = new Set<number>()
  return {
    origin,
    signer,
    checkpoint(size, changed = none) {
      const tree = new Frontier()
      for (let index = 0; index < size; index++) tree.append(leaf(index, changed))
      return signNote(formatCheckpoint({ origin, size, root: tree.root() }), [signer])
    },
    proof(from, to, changed = none) {
      const node = (level: number, index: number): Buffer =>
        level === 0 ? leaf(index, changed) : nodeHash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))
      return consistencyProof(from, to, node)
    },
  }
}
