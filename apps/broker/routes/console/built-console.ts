// The built console, read once into memory: a file is found by its exact name in a table, so no path leads anywhere else.

import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { gzipSync } from 'node:zlib'

export interface BuiltFile {
  readonly type: string
  readonly body: Buffer
  /** Made when somebody first wants it; undefined: not worth it. */
  gzipped(): Buffer | undefined
  /** Whether its name says what it holds, so that it never changes. */
  readonly hashed: boolean
}

/** By the path below `/console/`; empty: the console was not built. */
export type BuiltConsole = ReadonlyMap<string, BuiltFile>

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}
const compressible = new Set(['.html', '.js', '.css', '.svg', '.txt'])

export function readBuiltConsole(folder: string): BuiltConsole {
  let entries: string[]
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => relative(folder, join(entry.parentPath, entry.name)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
  return new Map(
    entries.flatMap(name => {
      const type = types[extname(name)]
      if (type === undefined) return []
      const body = readFileSync(join(folder, name))
      const path = name.split(sep).join('/')
      const gzipped = compressible.has(extname(name)) ? once(() => gzipSync(body)) : () => undefined
      return [[path, { type, body, gzipped, hashed: path.startsWith('assets/') }]]
    }),
  )
}

function once(make: () => Buffer): () => Buffer {
  let made: Buffer | undefined
  return () => {
    made ??= make()
    return made
  }
}
