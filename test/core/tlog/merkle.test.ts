import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyRoot, Frontier, leafHash, nodeHash, subtreeLevels } from '#core/tlog/hash.ts'
import { consistencyProof, inclusionProof, type ReadHash, rootAt, verifyConsistency, verifyInclusion } from '#core/tlog/proof.ts'

/** RFC 6962 § 2.1, word for word. */
function treeHash(entries: readonly Buffer[]): Buffer {
  const sha256 = (...parts: Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()
  if (entries.length === 0) return sha256()
  if (entries.length === 1) return sha256(Buffer.of(0), entries[0]!)
  let k = 1
  while (k * 2 < entries.length) k *= 2
  return sha256(Buffer.of(1), treeHash(entries.slice(0, k)), treeHash(entries.slice(k)))
}

const readerOf =
  (entries: readonly Buffer[]): ReadHash =>
  (level, index) => {
    const node = entries.slice(index * 2 ** level, (index + 1) * 2 ** level)
    if (node.length !== 2 ** level) throw new Error('no complete node')
    return treeHash(node)
  }

const entriesOf = (size: number): Buffer[] => Array.from({ length: size }, (_, at) => Buffer.from(`entry ${at}`))
const frontierOf = (entries: readonly Buffer[]): Frontier => {
  const frontier = new Frontier()
  for (const entry of entries) frontier.append(leafHash(entry))
  return frontier
}

describe('roots', () => {
  test('are those that are published', () => {
    expect(emptyRoot.toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    const abc = frontierOf(['a', 'b', 'c'].map(text => Buffer.from(text)))
    expect(abc.root().toString('base64')).toBe('NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=')
    // The eight entries by which implementations of Certificate Transparency compare themselves.
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
    const eight = inputs.map(hex => Buffer.from(hex, 'hex'))
    const roots = eight.map((_, at) =>
      frontierOf(eight.slice(0, at + 1))
        .root()
        .toString('hex'),
    )
    expect(roots).toEqual([
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
      '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
      'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    ])
  })

  test('a text and its UTF-8 have one leaf hash, and a leaf never that of a node', () => {
    expect(leafHash('zwölf')).toEqual(leafHash(Buffer.from('zwölf')))
    const [left, right] = [leafHash('a'), leafHash('b')]
    expect(nodeHash(left, right)).not.toEqual(leafHash(Buffer.concat([left, right])))
  })

  test('of a growing tree are those of RFC 6962 at each size, from any copy of the edge', () => {
    const entries = entriesOf(70)
    let frontier = new Frontier()
    for (const [at, entry] of entries.entries()) {
      expect(frontier.root()).toEqual(treeHash(entries.slice(0, at)))
      frontier = at % 3 === 0 ? new Frontier(frontier.size, frontier.edge) : frontier.copy()
      frontier.append(leafHash(entry))
    }
    expect(() => new Frontier(3, [emptyRoot])).toThrow(RangeError)
    expect(subtreeLevels(2 ** 40 + 6)).toEqual([40, 2, 1])
  })

  test('come out of complete nodes', async () => {
    const entries = entriesOf(21)
    for (let size = 1; size <= 21; size++) expect(await rootAt(size, readerOf(entries))).toEqual(treeHash(entries.slice(0, size)))
  })
})

describe('proofs', () => {
  const entries = entriesOf(33)
  const readHash = readerOf(entries)
  const rootOf = (size: number): Buffer => treeHash(entries.slice(0, size))

  test('of inclusion verify for every entry of every tree, and for no other entry', async () => {
    for (let size = 1; size <= entries.length; size++)
      for (let index = 0; index < size; index++) {
        const path = await inclusionProof(index, size, readHash)
        const claim = { index, size, leaf: leafHash(entries[index]!), path, root: rootOf(size) }
        expect(verifyInclusion(claim)).toBe(true)
        expect(verifyInclusion({ ...claim, leaf: leafHash('other') })).toBe(false)
        expect(verifyInclusion({ ...claim, index: (index + 1) % (size + 1) })).toBe(false)
        expect(verifyInclusion({ ...claim, path: [...path, emptyRoot] })).toBe(false)
        if (path.length > 0) expect(verifyInclusion({ ...claim, path: path.slice(1) })).toBe(false)
      }
  })

  test('of consistency verify between every two sizes, and for no other root', async () => {
    for (let to = 0; to <= entries.length; to++)
      for (let from = 0; from <= to; from++) {
        const path = await consistencyProof(from, to, readHash)
        const claim = { from, to, fromRoot: rootOf(from), toRoot: rootOf(to), path }
        expect(verifyConsistency(claim), `${from} ${to}`).toBe(true)
        expect(verifyConsistency({ ...claim, fromRoot: leafHash('x') })).toBe(false)
        if (from > 0) expect(verifyConsistency({ ...claim, toRoot: leafHash('x') })).toBe(false)
        expect(verifyConsistency({ ...claim, path: [...path, emptyRoot] })).toBe(false)
        if (path.length > 0) expect(verifyConsistency({ ...claim, path: path.slice(0, -1) })).toBe(false)
      }
  })

  test('a flipped bit anywhere fails', async () => {
    const flip = (path: readonly Buffer[], bit: number): Buffer[] => {
      const bytes = Buffer.concat(path)
      bytes[Math.floor(bit / 8) % bytes.length]! ^= 1 << (bit % 8)
      return path.map((_, at) => bytes.subarray(at * 32, at * 32 + 32))
    }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 33 }), fc.nat(), fc.nat(), async (size, seed, bit) => {
        const index = seed % size
        const path = await inclusionProof(index, size, readHash)
        const claim = { index, size, leaf: leafHash(entries[index]!), root: rootOf(size) }
        expect(verifyInclusion({ ...claim, path: flip(path, bit) })).toBe(false)
        const from = 1 + (seed % (size - 1))
        const proof = await consistencyProof(from, size, readHash)
        const flipped = flip(proof, bit)
        expect(verifyConsistency({ from, to: size, fromRoot: rootOf(from), toRoot: rootOf(size), path: flipped })).toBe(false)
      }),
      { numRuns: 200 },
    )
  })

  test.each([
    { index: 5, size: 5 },
    { index: -1, size: 5 },
    { index: 0.5, size: 5 },
    { index: 0, size: 0 },
  ])('there is none of entry $index in $size', async ({ index, size }) => {
    await expect(inclusionProof(index, size, readHash)).rejects.toThrow(RangeError)
    expect(verifyInclusion({ index, size, leaf: emptyRoot, path: [], root: emptyRoot })).toBe(false)
  })

  test('there is none from a longer log to a shorter one', async () => {
    await expect(consistencyProof(6, 5, readHash)).rejects.toThrow(RangeError)
    expect(verifyConsistency({ from: 6, to: 5, fromRoot: rootOf(6), toRoot: rootOf(5), path: [] })).toBe(false)
  })
})
