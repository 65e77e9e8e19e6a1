// An export as a folder on disk. Reads are synchronous and of whole files: a bundle is what one page of the disk cache gives.

import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ExportFiles } from '#core/audit/export/export-files.ts'
import { ExportError } from '#core/audit/export/manifest.ts'
import { systemCode } from '../cli-error.ts'

const chunkBytes = 1 << 20
/** More than the fullest bundle, or one line with a body, can take. Whoever hands over an export may be the one to doubt. */
const bytesMax = 64 << 20

export function createDiskFiles(folder: string): ExportFiles {
  return {
    read: path =>
      orUndefined(() => {
        if (sizeOf(folder, path) > bytesMax) throw new ExportError(`${path} is larger than any file of an export`)
        return readFileSync(join(folder, path))
      }),
    lines: path => linesOf(folder, path),
    list: name => orUndefined(() => readdirSync(join(folder, name)).sort()) ?? [],
  }
}

/** A file may be larger than memory: it is read piece by piece. */
function* linesOf(folder: string, path: string): Generator<string> {
  const file = orUndefined(() => {
    sizeOf(folder, path)
    return openSync(join(folder, path), 'r')
  })
  if (file === undefined) return
  try {
    const chunk = Buffer.alloc(chunkBytes)
    let rest: Buffer = Buffer.alloc(0)
    for (;;) {
      const count = readSync(file, chunk)
      if (count === 0) break
      const bytes = Buffer.concat([rest, chunk.subarray(0, count)])
      const end = bytes.lastIndexOf(0x0a)
      if (end >= 0) yield* bytes.toString('utf8', 0, end).split('\n')
      rest = bytes.subarray(end + 1)
      if (rest.length > bytesMax) throw new ExportError(`A line of ${path} is longer than any of an export`)
    }
    if (rest.length > 0) yield rest.toString('utf8')
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
