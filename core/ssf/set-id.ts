// The `jti` of a Security Event Token says which event of which stream it is. So the same event has the same one at every attempt,
// and an acknowledgement finds its event without a table of what was sent.

import { formatUuid } from '#core/ids/id.ts'

export type SetName =
  | { readonly of: 'revocation'; readonly shard: string; readonly epoch: number }
  /** About the stream itself: a row of its own. */
  | { readonly of: 'notice'; readonly id: string }

const hexOf = (uuid: string): string => uuid.replaceAll('-', '')

/** streamId, shard: uuids. */
export const revocationSetId = (streamId: string, shard: string, epoch: number): string =>
  `${hexOf(streamId)}.${hexOf(shard)}.${epoch}`

/** streamId, noticeId: uuids. */
export const noticeSetId = (streamId: string, noticeId: string): string => `${hexOf(streamId)}.n.${hexOf(noticeId)}`

/** What a `jti` that came back names in this stream; undefined: nothing. */
export function parseSetId(streamId: string, jti: string): SetName | undefined {
  const [, stream, place, rest = ''] = /^([0-9a-f]{32})\.([0-9a-f]{32}|n)\.([0-9a-f]{32}|[1-9][0-9]{0,14})$/.exec(jti) ?? []
  if (stream !== hexOf(streamId) || place === undefined) return undefined
  if (place === 'n') return rest.length === 32 ? { of: 'notice', id: formatUuid(rest) } : undefined
  return rest.length < 32 ? { of: 'revocation', shard: formatUuid(place), epoch: Number(rest) } : undefined
}
