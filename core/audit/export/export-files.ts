// The files of an export, from wherever they are. Reading is synchronous: between two entries there is nothing else to do.

export interface ExportFiles {
  /** path: with forward slashes, from the export's folder on. Undefined: there is none. */
  read(path: string): Buffer | undefined
  /** Lines without their newlines; none where there is no such file. */
  lines(path: string): Iterable<string>
  /** Names in a folder, sorted; none where there is no such folder. */
  list(folder: string): readonly string[]
}
