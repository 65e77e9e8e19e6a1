/** What was read is not what a log, or the named key, would have written. The message says which part. */
export class TlogError extends Error {
  override readonly name = 'TlogError'
}

/** No key that is known here signed it. Whether it is a forgery or a key that came later nobody can tell from it. */
export class UnknownSignerError extends TlogError {}

/** The log signed it, and fewer witnesses than are needed have: nothing is wrong with it, and it is not enough. */
export class NotCosignedError extends TlogError {}

/** An entry is not the one whose hash stands in the tree. */
export class ChangedEntryError extends TlogError {
  readonly index: number

  constructor(index: number) {
    super(`Entry ${index} is not the one that was sealed`)
    this.index = index
  }
}
