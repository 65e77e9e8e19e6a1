/** One page of a list: rows behind `afterId` in the order of ids, which is the order of creation. */
export interface Page {
  readonly afterId: string | undefined
  readonly limit: number
}
