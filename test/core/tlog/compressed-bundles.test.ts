import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { compressedBundles } from '#core/tlog/compressed-bundles.ts'
import { createMemoryStore } from '#core/tlog/tile-store.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'

const path = 'shard/tile/entries/000'
const read = (bytes: Buffer) => compressedBundles(createMemoryStore(new Map([[path, bytes]]))).read(path)

test('a full bundle is read as it was written, and lies there compressed', async () => {
  const inner = createMemoryStore()
  const store = compressedBundles(inner)
  const bytes = Buffer.alloc(256 * 65_537, 'entry')
  await store.write(path, bytes)
  expect((await store.read(path))?.equals(bytes)).toBe(true)
  expect(inner.files.get(path)!.length).toBeLessThan(bytes.length / 10)
})

test('a bundle that an older sealer kept by gzip is read', async () => {
  const bytes = Buffer.from('an entry')
  expect((await read(gzipSync(bytes)))?.equals(bytes)).toBe(true)
})

test('what unpacks to more than any bundle, or to nothing, is refused as a fault of the tiles', async () => {
  await expect(read(gzipSync(Buffer.alloc(256 * 65_537 + 1)))).rejects.toThrow(TlogError)
  await expect(read(zstdCompressSync(Buffer.alloc(256 * 65_537 + 1)))).rejects.toThrow(TlogError)
  await expect(read(zstdCompressSync(Buffer.alloc(1_000, 'entry')).subarray(0, 12))).rejects.toThrow(TlogError)
  await expect(read(Buffer.from('not compressed'))).rejects.toThrow(TlogError)
})
