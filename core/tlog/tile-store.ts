// Where tiles live: a folder or an object store. Paths are `<shard>/checkpoint` and `<shard>/tile/…`. What once stands under a
// tile's path never changes, so a writer may write it again and a reader may keep it.

import { TlogError } from './tlog-error.ts'

export interface TileStore {
  /** Undefined when there is nothing under that path. Rejects when the store cannot be asked. */
  read(path: string): Promise<Buffer | undefined>
  /** Resolves once the bytes are durable; readers see all of them or none. */
  write(path: string, bytes: Uint8Array): Promise<void>
}

/** What the one who seals needs beyond that. */
export interface SealStore extends TileStore {
  /** Writes what is not there yet, durably. False: something is there, and stays. Of two that call it at once exactly one gets true. */
  create(path: string, bytes: Uint8Array): Promise<boolean>
  /** Harmless where nothing is. */
  remove(path: string): Promise<void>
}

/** What stands under a prefix of another store, such as one shard's tiles. */
export const storeUnder = (store: SealStore, prefix: string): SealStore => ({
  read: path => store.read(`${prefix}/${path}`),
  write: (path, bytes) => store.write(`${prefix}/${path}`, bytes),
  create: (path, bytes) => store.create(`${prefix}/${path}`, bytes),
  remove: path => store.remove(`${prefix}/${path}`),
})

/** A store in memory. */
export function createMemoryStore(
  files = new Map<string, Buffer>(),
): SealStore & { readonly files: ReadonlyMap<string, Buffer> } {
  const write = async (path: string, bytes: Uint8Array): Promise<void> => {
    checkStorePath(path)
    files.set(path, Buffer.from(bytes))
  }
  return {
    files,
    read: async path => files.get(path),
    write,
    async create(path, bytes) {
      if (files.has(path)) return false
      await write(path, bytes)
      return true
    },
    async remove(path) {
      files.delete(path)
    },
  }
}

/** Throws TlogError for a path that could leave the store's folder, or means two things. */
export function checkStorePath(path: string): void {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(path))
    throw new TlogError(`“${path}” is no path in a store`)
}
