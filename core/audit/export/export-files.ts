// The files of an export, from wherever they are. Reading is synchronous: between two entries there is nothing else to do.

export interface ExportFiles {
  /** path: with forward slashes, from the export's folder on. Undefined: there is none. */
  read(path: string): Buffer | undefined
  /** Whole lines, many at once, a newline behind each but perhaps the last of all. The memory is the next block's too. None: no file. */
  blocks(path: string): Iterable<Buffer>
  /** Names in a folder, sorted; none where there is no such folder. */
  list(folder: string): readonly string[]
}

/** Lines without their newlines; none where there is no such file. */
export function* linesOf(files: ExportFiles, path: string): Generator<string> {
  for (const block of files.blocks(path))
    yield* block.toString('utf8', 0, block.length - Number(block.at(-1) === 0x0a)).split('\n')
}
