// Takes one file out of a .tgz, as it streams by. Nothing else in the archive is written anywhere, so no path in it matters,
// and no program "tar" is needed.

import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { createGunzip } from 'node:zlib'

const BLOCK = 512

/**
 * Writes the regular file `name` of the archive to `target`, with mode 0755.
 * @param {string} archive path of a gzipped tar (ustar)
 * @throws when the archive has no such file or is cut short
 */
export async function extractFile(archive, name, target) {
  const source = createReadStream(archive)
  const stream = source.pipe(createGunzip())
  source.once('error', error => stream.destroy(error))
  const reader = new BlockReader(stream)
  for (;;) {
    const header = await reader.take(BLOCK)
    if (header === undefined || header[0] === 0) throw new Error(`the package holds no ${name}`)
    const size = Number.parseInt(text(header, 124, 12), 8)
    const padded = Math.ceil(size / BLOCK) * BLOCK
    if (nameOf(header) === name && isRegular(header)) return write(reader, size, target, stream)
    await reader.skip(padded)
  }
}

async function write(reader, size, target, stream) {
  const file = createWriteStream(target, { mode: 0o755 })
  // Else a package that is cut short ends us first, and the file's own error, its folder being gone, reaches nobody.
  await once(file, 'open')
  for (let left = size; left > 0; ) {
    const chunk = await reader.some(left)
    if (chunk === undefined) throw new Error('the package is cut short')
    left -= chunk.length
    if (!file.write(chunk)) await once(file, 'drain')
  }
  file.end()
  // Not 'finish': a program that is still open for writing cannot be run (ETXTBSY).
  await once(file, 'close')
  stream.destroy()
}

class BlockReader {
  constructor(stream) {
    this.chunks = stream[Symbol.asyncIterator]()
    this.rest = Buffer.alloc(0)
  }

  /** At least one and at most `most` bytes; undefined at the end. */
  async some(most) {
    while (this.rest.length === 0) {
      const { value, done } = await this.chunks.next()
      if (done) return undefined
      this.rest = value
    }
    const part = this.rest.subarray(0, most)
    this.rest = this.rest.subarray(part.length)
    return part
  }

  async take(count) {
    const parts = []
    for (let left = count; left > 0; ) {
      const part = await this.some(left)
      if (part === undefined) return undefined
      parts.push(part)
      left -= part.length
    }
    return Buffer.concat(parts)
  }

  async skip(count) {
    for (let left = count; left > 0; ) {
      const part = await this.some(left)
      if (part === undefined) return
      left -= part.length
    }
  }
}

const text = (header, start, length) =>
  header
    .toString('utf8', start, start + length)
    .replace(/\0.*$/s, '')
    .trim()

function nameOf(header) {
  const prefix = text(header, 345, 155)
  return prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`
}

const isRegular = header => header[156] === 0x30 || header[156] === 0
