// The feed's own way to the database, so that nothing else can stand in its way: connections for its reads and one that listens. A
// connection that hangs, or that hears nothing any more, is dropped for another.

import type { Logger } from 'pino'
import { type Database, openDatabase } from '#db/connect.ts'
import { listenForFeed } from '#db/feed/listen-feed.ts'
import { readFeedSince } from '#db/feed/read-since.ts'

/** A read that takes longer has failed. */
const readWithinMs = 1_500
const reopenEveryMs = 2_000
const nobody = '00000000-0000-0000-0000-000000000000'

export interface FeedDatabase {
  /** What `read` gives, unless it takes too long: then it is given up, and so are the connections. */
  read<Value>(read: (database: Database) => Promise<Value>): Promise<Value>
  /** Listens, if it does not. */
  listen(): Promise<void>
  /** Drops the connections and opens others. */
  reopen(why: string): void
  close(): Promise<void>
}

export interface FeedDatabaseOptions {
  readonly url: string
  readonly logger: Logger
  readonly mark: () => number
  readonly onAnnounced: (tenantId: string, epoch: number) => void
  /** Called when something may have gone unheard. */
  readonly onReconnected: () => void
}

export function openFeedDatabase({ url, logger, mark, onAnnounced, onReconnected }: FeedDatabaseOptions): FeedDatabase {
  const open = (): Database =>
    openDatabase(url, { poolSize: 2, applicationName: 'mayfly-feed', statementTimeoutMs: readWithinMs, connectTimeoutSeconds: 1 })
  let database = open()
  let listening: Promise<void> | undefined
  let openedMark = mark()
  let closed = false

  const listen = (): Promise<void> => {
    const { sql } = database
    // So that the first revocation does not wait for a connection to be made; there is no such tenant.
    if (!listening) void readFeedSince(sql, nobody, 0).catch(() => {})
    listening ??= listenForFeed(sql, { onAnnounced, onReconnected }).catch(error => {
      if (database.sql === sql) listening = undefined
      throw error
    })
    return listening
  }
  const reopen = (why: string): void => {
    if (closed || mark() - openedMark < reopenEveryMs) return
    logger.warn({ why }, 'the feed drops its connections to the database for others')
    const hung = database
    database = open()
    openedMark = mark()
    listening = undefined
    void hung.sql.end({ timeout: 0 }).catch(() => {})
    void hung.db.destroy().catch(() => {})
    listen().then(onReconnected, () => {})
  }
  return {
    async read(read) {
      const { promise: late, reject } = Promise.withResolvers<never>()
      const timer = setTimeout(() => {
        reject(new Error('the feed could not be read in time'))
        reopen('a read hangs')
      }, readWithinMs)
      try {
        return await Promise.race([read(database), late])
      } finally {
        clearTimeout(timer)
      }
    },
    listen,
    reopen,
    async close() {
      closed = true
      await database.close()
    },
  }
}
