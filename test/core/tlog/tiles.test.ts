import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBundle, encodeBundle } from '#core/tlog/entry-bundle.ts'
import { Frontier, leafHash } from '#core/tlog/hash.ts'
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from '#core/tlog/proof.ts'
import { createTileReader, tileWidthAt } from '#core/tlog/read-tiles.ts'
import { findTileName, parseTilePath, tilePath } from '#core/tlog/tile-path.ts'
import { checkStorePath } from '#core/tlog/tile-store.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'

describe('a tile’s path', () => {
  test.each([
    ['tile/0/000', 0, 0, 256],
    ['tile/0/x001/x234/067', 0, 1_234_067, 256],
    ['tile/0/x001/x234/067.p/12', 0, 1_234_067, 12],
    ['tile/63/999', 63, 999, 256],
    ['tile/entries/x001/000.p/255', 'entries', 1_000, 255],
  ] as const)('%s', (path, level, index, width) => {
    expect(tilePath(level, index, width)).toBe(path)
    expect(parseTilePath(path)).toEqual({ level, index, width })
  })

  test.each([
    '',
    '/tile/0/000',
    'tile/0/0',
    'tile/00/000',
    'tile/64/000',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/012',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/x001',
    'tile/0/../000',
    'tile/0/000\n',
    'tile/-1/000',
    'tile/entries/x999/x999/x999/x999/x999/999',
  ])('is not “%s”', path => {
    expect(findTileName(path)).toBeUndefined()
    expect(() => parseTilePath(path)).toThrow(TlogError)
  })

  test('comes back from every tile', () => {
    const level = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const))
    fc.assert(
      fc.property(level, fc.nat(2 ** 48), fc.integer({ min: 1, max: 256 }), (level, index, width) => {
        const path = tilePath(level, index, width)
        expect(parseTilePath(path)).toEqual({ level, index, width })
        checkStorePath(path)
      }),
    )
  })
})

describe('a bundle', () => {
  test('gives back the entries that went in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), entries => {
        expect(decodeBundle(encodeBundle(entries)).map(entry => [...entry])).toEqual(entries.map(entry => [...entry]))
      }),
    )
  })

  test('holds entries of up to 65,535 bytes', () => {
    const longest = Buffer.alloc(65_535, 7)
    expect(decodeBundle(encodeBundle([longest]))).toEqual([longest])
    expect(encodeBundle([Buffer.from('ab'), Buffer.of()]).toString('hex')).toBe('000261620000')
    expect(() => encodeBundle([Buffer.alloc(65_536)])).toThrow(TlogError)
  })

  test.each(['00', '000161ff', '0002aa'])('that ends within an entry is refused: %s', hex => {
    expect(() => decodeBundle(Buffer.from(hex, 'hex'))).toThrow(TlogError)
  })
})

describe('tiles', () => {
  const size = 66_000
  const levels: Buffer[][] = [Array.from({ length: size }, (_, at) => leafHash(`${at}`))]
  while (levels.at(-1)!.length >= 256) {
    const below = levels.at(-1)!
    const above = Array.from({ length: Math.floor(below.length / 256) }, (_, at) => {
      const frontier = new Frontier()
      for (const node of below.slice(at * 256, at * 256 + 256)) frontier.append(node)
      return frontier.root()
    })
    levels.push(above)
  }
  const read: string[] = []
  const readTile = async (path: string): Promise<Buffer | undefined> => {
    read.push(path)
    const { level, index, width } = parseTilePath(path)
    const hashes = levels[level as number]?.slice(index * 256, index * 256 + width) ?? []
    return hashes.length === width ? Buffer.concat(hashes) : undefined
  }
  const rootOf = (count: number): Buffer => {
    const frontier = new Frontier()
    for (const leaf of levels[0]!.slice(0, count)) frontier.append(leaf)
    return frontier.root()
  }

  test('have the widths of the specification’s example', () => {
    const widths = [0, 1, 2].map(level => tileWidthAt(70_000, level, [273, 1, 0][level]!))
    expect(widths).toEqual([112, 17, 1])
    expect([tileWidthAt(256, 0, 0), tileWidthAt(256, 1, 0), tileWidthAt(256, 0, 1)]).toEqual([256, 1, 0])
  })

  test.each([
    [0, size],
    [65_535, size],
    [65_536, 65_537],
    [300, 65_536],
    [255, 256],
    [12_345, 51_234],
  ])('prove that entry %i is in the tree of %i', async (index, count) => {
    const path = await inclusionProof(index, count, createTileReader(count, readTile))
    expect(verifyInclusion({ index, size: count, leaf: levels[0]![index]!, path, root: rootOf(count) })).toBe(true)
  })

  test.each([
    [1, size],
    [65_536, size],
    [65_535, 65_999],
    [256, 300],
  ])('prove that the tree of %i is the beginning of that of %i', async (from, to) => {
    read.length = 0
    const path = await consistencyProof(from, to, createTileReader(to, readTile))
    expect(verifyConsistency({ from, to, fromRoot: rootOf(from), toRoot: rootOf(to), path })).toBe(true)
    expect(read.length, 'a tile is read once').toBe(new Set(read).size)
  })

  test('a partial tile that was dropped is read from the full one, and a missing or cut one is an error', async () => {
    const withoutPartials = async (path: string): Promise<Buffer | undefined> =>
      path.includes('.p/') ? undefined : readTile(path)
    const path = await inclusionProof(3, 100, createTileReader(100, withoutPartials))
    expect(verifyInclusion({ index: 3, size: 100, leaf: levels[0]![3]!, path, root: rootOf(100) })).toBe(true)
    await expect(inclusionProof(3, size, createTileReader(size, withoutPartials))).rejects.toThrow(TlogError)
    const cut = async (path: string): Promise<Buffer | undefined> => (await readTile(path))?.subarray(32)
    await expect(inclusionProof(3, size, createTileReader(size, cut))).rejects.toThrow(TlogError)
  })
})

test.each(['', '/a', 'a/', '../a', 'a/../b', 'a//b', 'a/.b', 'a\\b', 'a b', 'a\0'])('a store has no path “%s”', path => {
  expect(() => checkStorePath(path)).toThrow(TlogError)
})
