// One pass over the bundles of an export. Two trees are summed up while they differ: the one over the entries as they lie there, and
// the one over the hash tiles. Whichever of the two has the signed root tells what is wrong with the other, entry by entry.

import { hashBytes } from '#core/tlog/hash.ts'
import { tilePath, tileWidth } from '#core/tlog/tile-path.ts'
import type { BodyCheck } from './body-check.ts'
import type { TokenCheck } from './check-tokens.ts'
import type { ExportFiles } from './export-files.ts'
import type { Findings } from './report.ts'
import { hashBundle, TreeSum } from './tree-sum.ts'

/** Bundles whose hashes are kept to be explained; behind so many, it is enough to know that there is more. */
const keptMax = 512
/** A size costs whoever signs it nothing. Where so many bundles and tiles in a row are not there, nothing further is looked for. */
const goneMax = 1_024

/** A root that somebody signed for a smaller tree. */
export interface Mark {
  readonly size: number
  readonly root: Buffer
  readonly name: string
}

/** A bundle that does not go with its hash tile. */
export interface DifferentBundle {
  readonly index: number
  readonly sealed: Buffer
  /** Of all the entries that the bundle has, be they fewer or more. */
  readonly found: Buffer
  /** Bytes at its end that are no entry. */
  readonly restBytes: number
}

export interface PassResult {
  readonly entries: number
  /** Undefined: bundles are missing, so there is no such tree. */
  readonly entriesRoot: Buffer | undefined
  readonly sealedRoot: Buffer
  readonly different: readonly DifferentBundle[]
  readonly isMoreDifferent: boolean
  /** Paths of tiles above level 0 that do not go with the tree over the entries, and with that over the tiles of level 0. */
  readonly wrongTiles: { readonly entries: readonly string[]; readonly sealed: readonly string[] }
  /** By mark: whether the entries, and the hash tiles, have that root. */
  readonly marks: readonly { readonly mark: Mark; readonly entries: boolean; readonly sealed: boolean }[]
}

export interface PassInput {
  readonly files: ExportFiles
  /** Where the hash tiles are; mostly the same. */
  readonly tiles: ExportFiles
  readonly size: number
  readonly marks: readonly Mark[]
  readonly bodies: BodyCheck
  readonly tokens: TokenCheck
  readonly findings: Findings
}

export class LogPass {
  readonly #input: PassInput
  readonly #hashes = Buffer.alloc(tileWidth * hashBytes)
  readonly #entriesSum: TreeSum
  #sealedSum: TreeSum | undefined
  #entries = 0
  #areBundlesMissing = false
  /** How many in a row have neither bundle nor tile. */
  #gone = 0
  readonly #different: DifferentBundle[] = []
  #isMoreDifferent = false
  readonly #wrongTiles: string[] = []
  readonly #wrongSealedTiles: string[] = []
  readonly #marks: { mark: Mark; entries: boolean; sealed: boolean }[] = []

  constructor(input: PassInput) {
    this.#input = input
    this.#entriesSum = new TreeSum((level, index, hashes) => this.#compareTile(level, index, hashes, this.#wrongTiles))
  }

  /** Yields how many entries it has been through. */
  *run(): Generator<number, PassResult> {
    const { size, bodies } = this.#input
    const none: Buffer = this.#hashes.subarray(0, 0)
    let [found, sealed] = [none, none]
    for (let index = 0; index * tileWidth < size && this.#gone < goneMax; index++) {
      const width = Math.min(tileWidth, size - index * tileWidth)
      ;({ found, sealed } = this.#bundle(index, width))
      this.#mark(index, found, sealed)
      if (width === tileWidth) {
        this.#push(found, sealed)
        found = none
        sealed = none
      }
      yield Math.min((index + 1) * tileWidth, size)
    }
    if (size % tileWidth === 0) this.#mark(size / tileWidth, found, sealed)
    while (bodies.position < Number.POSITIVE_INFINITY) bodies.tellEntryMissing()
    this.#flush()
    const entriesRoot = this.#areBundlesMissing ? undefined : this.#entriesSum.rootWith(found, found.length / hashBytes)
    const sealedRoot = this.#sealedSum ? this.#sealedSum.rootWith(sealed, sealed.length / hashBytes) : entriesRoot!
    const [different, isMoreDifferent] = [this.#different, this.#isMoreDifferent]
    const wrongTiles = { entries: this.#wrongTiles, sealed: this.#sealedSum ? this.#wrongSealedTiles : this.#wrongTiles }
    return { entries: this.#entries, entriesRoot, sealedRoot, different, isMoreDifferent, wrongTiles, marks: this.#marks }
  }

  /** Leaf hashes of a bundle by its entries and by its hash tile; the same memory where they agree. */
  #bundle(index: number, width: number): { readonly found: Buffer; readonly sealed: Buffer } {
    const { files, tiles, findings, bodies } = this.#input
    const first = index * tileWidth
    const path = tilePath('entries', index, width)
    const bundle = files.read(path)
    const tileName = tilePath(0, index, width)
    const tile = tiles.read(tileName)
    const isTile = tile?.length === width * hashBytes
    this.#gone = bundle || tile ? 0 : this.#gone + 1
    if (!tile) findings.add('file', `${tileName} is missing.`, first)
    else if (!isTile) findings.add('tile', `${tileName} has ${tile.length} bytes, not ${width * hashBytes}.`, first)
    if (!bundle) {
      findings.add('missing', `Entries ${first} to ${first + width - 1} are missing: there is no ${path}.`, first)
      this.#areBundlesMissing = true
    }
    const { count, restBytes } = bundle ? hashBundle(bundle, this.#hashes) : { count: 0, restBytes: 0 }
    if (bundle) this.#show(first, bundle, count, isTile ? tile : undefined)
    const isWhole = bundle !== undefined && count === width && restBytes === 0
    while (bodies.position < first + width) bodies.skip()
    const found = this.#hashes.subarray(0, width * hashBytes)
    if (isWhole && (!isTile || tile.equals(found))) return { found, sealed: found }
    this.#part()
    if (!isTile) {
      this.#differs(index, Buffer.alloc(0), bundle, restBytes)
      return { found, sealed: found }
    }
    if (bundle) this.#differs(index, tile, bundle, restBytes)
    return { found: isWhole ? found : Buffer.alloc(width * hashBytes), sealed: tile }
  }

  /** Shows the entries to whoever wants to see them. Of an entry that is not the sealed one no body is judged: it is known already. */
  #show(first: number, bundle: Buffer, count: number, tile: Buffer | undefined): void {
    const { bodies, tokens } = this.#input
    const isAllSealed = !tile || tile.equals(this.#hashes.subarray(0, tile.length))
    this.#entries += count
    let at = 0
    for (let each = 0; each < count; each++) {
      const index = first + each
      const [start, end] = [at + 2, at + 2 + bundle.readUInt16BE(at)]
      const [from, to] = [each * hashBytes, (each + 1) * hashBytes]
      if (bodies.position === index) {
        if (!isAllSealed && this.#hashes.compare(tile, from, to, from, to) !== 0) bodies.skip()
        else bodies.check(bundle, start, end)
      }
      if (tokens.mayWant(this.#hashes, each)) tokens.meet(index, bundle.subarray(start, end), this.#hashes.subarray(from, to))
      at = end
    }
  }

  #differs(index: number, sealed: Buffer, bundle: Buffer | undefined, restBytes: number): void {
    if (this.#different.length >= keptMax) {
      this.#isMoreDifferent = true
      return
    }
    const all = Buffer.alloc(Math.ceil((bundle?.length ?? 0) / 2) * hashBytes)
    const { count, restBytes: rest } = bundle ? hashBundle(bundle, all) : { count: 0, restBytes }
    this.#different.push({
      index,
      sealed: Buffer.from(sealed),
      found: Buffer.from(all.subarray(0, count * hashBytes)),
      restBytes: rest,
    })
  }

  /** From here on the two trees are two. */
  #part(): void {
    if (this.#sealedSum) return
    this.#wrongSealedTiles.push(...this.#wrongTiles)
    const compare = (level: number, index: number, hashes: Buffer) =>
      this.#compareTile(level, index, hashes, this.#wrongSealedTiles)
    this.#sealedSum = new TreeSum(compare, this.#entriesSum)
  }

  #push(found: Buffer, sealed: Buffer): void {
    this.#entriesSum.push(found)
    this.#sealedSum?.push(sealed)
  }

  #flush(): void {
    this.#entriesSum.flush()
    this.#sealedSum?.flush()
  }

  #mark(index: number, found: Buffer, sealed: Buffer): void {
    for (const mark of this.#input.marks) {
      if (Math.floor(mark.size / tileWidth) !== index) continue
      const count = mark.size % tileWidth
      const entries = !this.#areBundlesMissing && this.#entriesSum.rootWith(found, count).equals(mark.root)
      this.#marks.push({
        mark,
        entries,
        sealed: this.#sealedSum ? this.#sealedSum.rootWith(sealed, count).equals(mark.root) : entries,
      })
    }
  }

  #compareTile(level: number, index: number, hashes: Buffer, wrong: string[]): void {
    const path = tilePath(level, index, hashes.length / hashBytes)
    if (this.#input.tiles.read(path)?.equals(hashes) !== true) wrong.push(path)
  }
}
