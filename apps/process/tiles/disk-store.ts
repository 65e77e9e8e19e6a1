// Tiles in a folder. A file is written beside its place, synced, and put there in one step, so that neither a reader nor a power cut
// meets half of it; then its folder is synced, so that the name lasts.

import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkStorePath, type SealStore } from '#core/tlog/tile-store.ts'

/** folder: is made when it is missing. Paths that could lead out of it are refused with TlogError. */
export function openDiskStore(folder: string): SealStore {
  const made = new Set<string>()
  const placeOf = (path: string): string => {
    checkStorePath(path)
    return join(folder, path)
  }
  const makeFolder = async (path: string): Promise<void> => {
    if (made.has(path)) return
    const first = await mkdir(path, { recursive: true, mode: 0o750 })
    // Each new folder is a name in the one above it.
    if (first !== undefined) for (let at = path; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at))
    made.add(path)
  }
  const put = async (path: string, bytes: Uint8Array, place: (draft: string, target: string) => Promise<void>): Promise<void> => {
    const target = placeOf(path)
    await makeFolder(dirname(target))
    const draft = join(dirname(target), `.${randomBytes(6).toString('hex')}.tmp`)
    try {
      await writeDurably(draft, bytes)
      await place(draft, target)
    } catch (error) {
      made.delete(dirname(target))
      await rm(draft, { force: true })
      throw error
    }
    await syncFolder(dirname(target))
  }
  return {
    read: path => readFile(placeOf(path)).catch(missing),
    write: (path, bytes) => put(path, bytes, rename),
    async create(path, bytes) {
      try {
        // Of several links of one name one is made.
        await put(path, bytes, async (draft, target) => {
          await link(draft, target)
          await rm(draft, { force: true })
        })
        return true
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return false
        throw error
      }
    },
    remove: path => rm(placeOf(path), { force: true }),
  }
}

/** Names of the folders in it; none where there is no such folder. */
export async function listDiskFolders(folder: string): Promise<string[]> {
  const found = (await readdir(folder, { withFileTypes: true }).catch(missing)) ?? []
  return found.filter(entry => entry.isDirectory()).map(({ name }) => name)
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

function missing(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
  throw error
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o640)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
