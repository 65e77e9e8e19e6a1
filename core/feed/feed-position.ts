/** How much of a tenant's feed somebody knows. An epoch means something only within its shard. */
export interface FeedPosition {
  /** uuid; another one after a backup was restored. */
  readonly shard: string
  readonly epoch: number
}

/** Where a feed stands, as the primary said. */
export interface FeedHead extends FeedPosition {
  /** The database's clock, milliseconds since the epoch. */
  readonly databaseMs: number
}

const position = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(0|[1-9]\d{0,15})$/

/** `<shard>.<epoch>`, as `since` and `Last-Event-ID` carry it; undefined for anything else. */
export function parsePosition(text: string): FeedPosition | undefined {
  const found = position.exec(text)
  if (!found) return undefined
  const epoch = Number(found[2])
  return Number.isSafeInteger(epoch) ? { shard: found[1]!, epoch } : undefined
}

export const formatPosition = ({ shard, epoch }: FeedPosition): string => `${shard}.${epoch}`
