// Bundles of entries are three times as long as what they say: a store holds the full ones compressed. Who reads through this sees
// them as the specification has them. Zstandard at its quickest takes a sixth of the time of gzip for this, and less room; bundles that were
// kept by gzip are read all the same.

import { promisify } from 'node:util'
import { constants, gunzip, zstdCompress, zstdDecompress } from 'node:zlib'
import { entryBytesMax } from './entry-bundle.ts'
import { tileWidth } from './tile-path.ts'
import type { SealStore } from './tile-store.ts'
import { TlogError } from './tlog-error.ts'

const compress = promisify(zstdCompress)
const [ofGzip, ofZstd] = [promisify(gunzip), promisify(zstdDecompress)]
const quickest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** Of a bundle whose entries are all as long as they can be. A store that somebody else writes to could hold a bomb. */
const bytesMax = tileWidth * (2 + entryBytesMax)

const fullBundle = /(^|\/)tile\/entries\/[x0-9/]+$/

export const compressedBundles = (store: SealStore): SealStore => ({
  ...store,
  async read(path) {
    const bytes = await store.read(path)
    if (!bytes || !fullBundle.test(path)) return bytes
    const decompress = bytes[0] === 0x1f && bytes[1] === 0x8b ? ofGzip : ofZstd
    return decompress(bytes, { maxOutputLength: bytesMax }).catch((cause: unknown) => {
      throw new TlogError(`The bundle ${path} is not compressed as it was written, or is larger than any`, { cause })
    })
  },
  write: async (path, bytes) => store.write(path, fullBundle.test(path) ? await compress(bytes, quickest) : bytes),
  create: async (path, bytes) => store.create(path, fullBundle.test(path) ? await compress(bytes, quickest) : bytes),
})
