// Names of tiles, c2sp.org/tlog-tiles: groups of three digits, so that no folder grows beyond a thousand names and none of them is
// both file and folder.

import { TlogError } from './tlog-error.ts'

/** Hashes of a full tile, entries of a full bundle. */
export const tileWidth = 256
/** Levels of the binary tree that a tile spans. */
export const tileHeight = 8

export interface TileName {
  /** Level of tiles, 0 for leaf hashes; `entries`: a bundle of entries. */
  readonly level: number | 'entries'
  readonly index: number
  /** 1 to 256; 256: full. */
  readonly width: number
}

/** Such as `tile/0/x001/x234/067.p/12`, without a leading slash. width 256, or left out: the full tile. */
export function tilePath(level: number | 'entries', index: number, width = tileWidth): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return `tile/${level}/${name}${width === tileWidth ? '' : `.p/${width}`}`
}

const form = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** Undefined for every text that `tilePath` does not write: a path has one spelling. */
export function findTileName(path: string): TileName | undefined {
  const match = form.exec(path)
  if (!match) return undefined
  const level = match[1] === 'entries' ? 'entries' : Number(match[1])
  const index = Number(match[2]!.replace(/[x/]/g, ''))
  const width = match[3] === undefined ? tileWidth : Number(match[3])
  const isName = (level === 'entries' || level <= 63) && Number.isSafeInteger(index) && tilePath(level, index, width) === path
  return isName ? { level, index, width } : undefined
}

/** Throws TlogError for what is no tile's path. */
export function parseTilePath(path: string): TileName {
  const name = findTileName(path)
  if (!name) throw new TlogError(`“${path}” is no path of a tile`)
  return name
}
