// Where tiles live: a folder or an object store. Paths are `<shard>/checkpoint` and `<shard>/tile/…`. What once stands under a
// tile's path never changes, so a writer may write it again and a reader may keep it.

import { TlogError } from './tlog-error.ts'

export interface TileStore {
  /** Undefined when there is nothing under that path. Rejects when the store cannot be asked. */
  read(path: string): Promise<Buffer | undefined>
  /** Resolves once the bytes are durable; readers see all of them or none. */
  write(path: string, bytes: Uint8Array): Promise<void>
}

/** What stands under a prefix of another store, such as one shard's tiles. */
export const storeUnder = (store: TileStore, prefix: string): TileStore => ({
  read: path => store.read(`${prefix}/${path}`),
  write: (path, bytes) => store.write(`${prefix}/${path}`, bytes),
})

/** A store in memory. */
export function createMemoryStore(
  files = new Map<string, Buffer>(),
): TileStore & { readonly files: ReadonlyMap<string, Buffer> } {
  return {
    files,
    read: async path => files.get(path),
    async write(path, bytes) {
      files.set(path, Buffer.from(bytes))
    },
  }
}

/** Throws TlogError for a path that could leave the store's folder, or means two things. */
export function checkStorePath(path: string): void {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(path))
    throw new TlogError(`“${path}” is no path in a store`)
}
