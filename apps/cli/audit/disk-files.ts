// An export as a folder on disk. Reads are synchronous and of whole files: a bundle is what one page of the disk cache gives.

import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ExportFiles } from '#core/audit/export/export-files.ts'
import { ExportError } from '#core/audit/export/manifest.ts'
import { systemCode } from '../cli-error.ts'

const blockBytes = 1 << 16
/** More than the fullest bundle, or one line with a body, can take. Whoever hands over an export may be the one to doubt. */
const bytesMax = 64 << 20

export function createDiskFiles(folder: string): ExportFiles {
  return {
    read: path =>
      orUndefined(() => {
        if (sizeOf(folder, path) > bytesMax) throw new ExportError(`${path} is larger than any file of an export`)
        return readFileSync(join(folder, path))
      }),
    blocks: path => blocksOf(folder, path),
    list: name => orUndefined(() => readdirSync(join(folder, name)).sort()) ?? [],
  }
}

/** A file may be larger than memory: it is read piece by piece, each as large as its longest line wants. */
function* blocksOf(folder: string, path: string): Generator<Buffer> {
  const file = orUndefined(() => {
    sizeOf(folder, path)
    return openSync(join(folder, path), 'r')
  })
  if (file === undefined) return
  try {
    let memory: Buffer = Buffer.alloc(blockBytes)
    let held = 0
    for (;;) {
      const count = readSync(file, memory, held, memory.length - held, null)
      if (count === 0) break
      held += count
      const end = memory.lastIndexOf(0x0a, held - 1) + 1
      if (end > 0) yield memory.subarray(0, end)
      memory.copyWithin(0, end, held)
      held -= end
      if (held >= bytesMax) throw new ExportError(`A line of ${path} is longer than any of an export`)
      if (held === memory.length) memory = Buffer.concat([memory], 2 * held)
    }
    if (held > 0) yield memory.subarray(0, held)
  } finally {
    closeSync(file)
  }
}

/** In bytes. What is no file, a pipe say, would be read for ever. */
function sizeOf(folder: string, path: string): number {
  const stat = statSync(join(folder, path))
  if (!stat.isFile() && !stat.isDirectory()) throw new ExportError(`${path} is no file`)
  return stat.size
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}
