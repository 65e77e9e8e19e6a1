/** Where a token stands in a status list (draft-ietf-oauth-status-list § 6.2). */
export interface StatusPlace {
  /** uuid of the list. */
  readonly list: string
  readonly idx: number
  /** Of the list; as ASCII. */
  readonly uri: string
}

/** The `status` claim as JSON, in the order of RFC 8785. */
export const writeStatus = ({ idx, uri }: StatusPlace): string => `{"status_list":{"idx":${idx},"uri":${JSON.stringify(uri)}}}`
