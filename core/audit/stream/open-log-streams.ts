import { readLogHead, readLogRange, readPositionAt } from '#db/audit-stream/log-range.ts'
import type { Database } from '#db/connect.ts'
import { findLiveCredentialIds } from '#db/feed/live-credentials.ts'
import { LogPages } from './log-pages.ts'
import { LogStreams } from './log-streams.ts'

/** The pages of a database's log. */
export const openLogPages = ({ sql }: Pick<Database, 'sql'>): LogPages =>
  new LogPages({ readHead: () => readLogHead(sql), readRange: (from, to) => readLogRange(sql, from, to) })

/** Those who follow it at this process. nowMs: by the database's clock. */
export const openLogStreams = (database: Pick<Database, 'sql'>, nowMs: () => number): LogStreams =>
  new LogStreams({
    pages: openLogPages(database),
    nowMs,
    readPositionAt: ms => readPositionAt(database.sql, ms),
    findLiveCredentials: ids => findLiveCredentialIds(database.sql, ids),
  })
