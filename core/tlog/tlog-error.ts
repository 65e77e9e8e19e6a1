/** What was read is not what a log, or the named key, would have written. The message says which part. */
export class TlogError extends Error {
  override readonly name = 'TlogError'
}
