import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InclusionWalk } from '#core/audit/export/inclusion-walk.ts'
import { leafHash } from '#core/tlog/hash.ts'
import { inclusionProof, rootAt, verifyInclusion } from '#core/tlog/proof.ts'
import { createTileReader } from '#core/tlog/read-tiles.ts'
import { hashTiles, sampleEntries } from './sample-export.ts'

const entries = sampleEntries(300)
const leaves = entries.map(({ leaf }) => leafHash(leaf))

test('any proofs, one after another, sound or not: says of each what verifying it alone says', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 300 }),
      fc.array(fc.record({ index: fc.nat(299), byte: fc.option(fc.nat()), cut: fc.boolean(), other: fc.boolean() }), {
        maxLength: 30,
      }),
      async (size, asked) => {
        const tiles = hashTiles(entries.slice(0, size))
        const readHash = createTileReader(size, async path => tiles.get(path))
        const root = await rootAt(size, readHash)
        const walk = new InclusionWalk(size, root)
        for (const { index: wanted, byte, cut, other } of asked) {
          const index = wanted % size
          const path = (await inclusionProof(index, size, readHash)).map(hash => Buffer.from(hash))
          if (byte !== null && path.length > 0) path[byte % path.length]![byte % 32]! ^= 1
          if (cut && byte !== null) path.pop()
          const leaf = leaves[other ? (index + 1) % 300 : index]!
          expect(walk.holds(index, leaf, path)).toBe(verifyInclusion({ index, size, leaf, path, root }))
        }
      },
    ),
    { numRuns: 60 },
  )
})
