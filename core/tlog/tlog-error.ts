/** What was read is not what a log, or the named key, would have written. The message says which part. */
export class TlogError extends Error {
  override readonly name = 'TlogError'
}

/** An entry is not the one whose hash stands in the tree. */
export class ChangedEntryError extends TlogError {
  readonly index: number

  constructor(index: number) {
    super(`Entry ${index} is not the one that was sealed`)
    this.index = index
  }
}
