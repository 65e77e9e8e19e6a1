// Bundles of entries are three times as long as what they say: a store holds the full ones compressed. Who reads through this sees
// them as the specification has them.

import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { SealStore } from './tile-store.ts'

const compress = promisify(gzip)
const decompress = promisify(gunzip)

const fullBundle = /(^|\/)tile\/entries\/[x0-9/]+$/

export const compressedBundles = (store: SealStore): SealStore => ({
  ...store,
  async read(path) {
    const bytes = await store.read(path)
    return bytes && fullBundle.test(path) ? decompress(bytes) : bytes
  },
  write: async (path, bytes) => store.write(path, fullBundle.test(path) ? await compress(bytes) : bytes),
  create: async (path, bytes) => store.create(path, fullBundle.test(path) ? await compress(bytes) : bytes),
})
