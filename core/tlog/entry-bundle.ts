// Bundles of entries, c2sp.org/tlog-tiles § Log entries: each entry behind its length, two bytes, big-endian.

import { TlogError } from './tlog-error.ts'

/** The longest entry that fits, in bytes. */
export const entryBytesMax = 0xffff

/** Throws TlogError when an entry is longer than 65,535 bytes. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  let size = 0
  for (const entry of entries) {
    if (entry.length > entryBytesMax) throw new TlogError(`An entry of ${entry.length} bytes does not fit a bundle`)
    size += 2 + entry.length
  }
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const entry of entries) {
    at = bytes.writeUInt16BE(entry.length, at)
    bytes.set(entry, at)
    at += entry.length
  }
  return bytes
}

/** The entries as views on the same memory. Throws TlogError when the bytes end within one. */
export function decodeBundle(bytes: Uint8Array): Buffer[] {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: Buffer[] = []
  for (let at = 0; at < source.length; ) {
    const end = at + 2 <= source.length ? at + 2 + source.readUInt16BE(at) : Number.POSITIVE_INFINITY
    if (end > source.length) throw new TlogError(`The bundle ends within its entry ${entries.length}`)
    entries.push(source.subarray(at + 2, end))
    at = end
  }
  return entries
}
