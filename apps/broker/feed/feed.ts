// The feed of revocations of this process: its hub, and the clockwork that drives it.

import type { Logger } from 'pino'
import { Acknowledgements } from '#core/feed/acknowledgements.ts'
import type { FeedEntry } from '#core/feed/feed-frames.ts'
import { FeedHub } from '#core/feed/feed-hub.ts'
import { FeedSnapshots } from '#core/feed/snapshots.ts'
import { encodeEntry } from '#core/revocation/entry.ts'
import type { DatabaseClock } from '#core/time/database-clock.ts'
import type { PublishedEntries } from '#db/accounts/transition.ts'
import type { Database } from '#db/connect.ts'
import { writeAcknowledgements } from '#db/feed/acknowledgements.ts'
import { findLiveCredentialIds } from '#db/feed/live-credentials.ts'
import { readFeedSince } from '#db/feed/read-since.ts'
import { type FeedEntryRow, readFeedHeads, readFeedSnapshot } from '#db/revocation/feed.ts'
import { type FeedDatabase, openFeedDatabase } from './feed-database.ts'
import { createFeedMeters, type FeedMeters } from './feed-meters.ts'

export interface Feed {
  readonly hub: FeedHub
  readonly snapshots: FeedSnapshots
  readonly acknowledgements: Acknowledgements
  readonly meters: FeedMeters
  /** What this process has just committed, for its own streams. */
  offer(published: PublishedEntries): void
  /** Resolves when announcements are heard. */
  start(): Promise<void>
  /** Ends the streams; their readers come back elsewhere. */
  endStreams(): void
  close(): Promise<void>
}

export interface FeedOptions {
  readonly databaseUrl: string
  /** How many streams this process serves at most. */
  readonly maxStreams: number
  readonly clock: DatabaseClock
  /** For what is no hurry. */
  readonly database: Database
  readonly logger: Logger
  /** Called where a feed stands before what was already told of it, and waited for before anybody is told so. */
  readonly onForgotten: () => Promise<void>
}

export const standardFeedStreams = 2_000

const beatEveryMs = 1_000
const checkEveryMs = 200
const credentialsEveryMs = 5_000

const toEntry = (row: FeedEntryRow): FeedEntry => ({ epoch: row.epoch, text: encodeEntry(row) })

export function createFeed({ databaseUrl, maxStreams, clock, database, logger, onForgotten }: FeedOptions): Feed {
  const mark = (): number => clock.mark()
  const meters = createFeedMeters(() => clock.nowMs())
  const own = openFeedDatabase({
    url: databaseUrl,
    logger,
    mark,
    onAnnounced: (tenantId, epoch) => hub.announce(tenantId, epoch),
    onReconnected: () => hub.pokeAll(),
  })
  const hub = createHub(own, meters, { mark, maxStreams, onForgotten })
  const snapshots = createSnapshots(hub, database, mark)
  const acknowledgements = new Acknowledgements(rows => writeAcknowledgements(database.sql, rows), mark)
  const timers: NodeJS.Timeout[] = []
  return {
    hub,
    snapshots,
    acknowledgements,
    meters,
    offer({ tenantId, shard, from, to, entries, atMs }) {
      hub.offer(tenantId, { shard, from, to, entries: entries.map(toEntry) }, atMs)
    },
    async start() {
      await own.listen()
      timers.push(...startClockwork(hub, own.listen, mark))
    },
    endStreams: () => hub.close(),
    async close() {
      hub.close()
      for (const timer of timers) clearInterval(timer)
      await acknowledgements.close()
      await own.close()
    },
  }
}

function createHub(
  own: FeedDatabase,
  meters: FeedMeters,
  { mark, maxStreams, onForgotten }: Pick<FeedOptions, 'maxStreams' | 'onForgotten'> & { readonly mark: () => number },
): FeedHub {
  return new FeedHub({
    mark,
    maxStreams,
    onForgotten,
    readHeads: tenantIds => own.read(({ db }) => readFeedHeads(db, tenantIds)),
    readSince: async (tenantId, epoch) => {
      const { head, entries, lastAtMs } = await own.read(({ sql }) => readFeedSince(sql, tenantId, epoch))
      return { head, entries: entries.map(toEntry), lastAtMs }
    },
    findLiveCredentials: ids => own.read(({ sql }) => findLiveCredentialIds(sql, ids)),
    metrics: {
      sent: meters.sent,
      ended: meters.ended,
      missed() {
        meters.missed()
        own.reopen('a revocation was not announced')
      },
    },
  })
}

function createSnapshots(hub: FeedHub, { db }: Database, mark: () => number): FeedSnapshots {
  return new FeedSnapshots({
    mark,
    head: tenantId => hub.head(tenantId),
    readAll: async tenantId => {
      const { head, entries } = await readFeedSnapshot(db.forTenant(tenantId), tenantId)
      return { head, entries: entries.map(toEntry) }
    },
  })
}

function startClockwork(hub: FeedHub, listen: () => Promise<void>, mark: () => number): NodeJS.Timeout[] {
  let isBeating = false
  const beat = async (): Promise<void> => {
    if (isBeating) return
    isBeating = true
    const beats = await hub.beat().catch(() => [])
    isBeating = false
    // Of whose feed no heartbeat came through, the streams are closed.
    void Promise.allSettled(beats)
    await listen().catch(() => {})
  }
  let checkedMark = mark()
  const check = (): void => {
    // This process stood still and has not had the time to ask: it asks first.
    const stoodStill = mark() - checkedMark > 5 * checkEveryMs
    checkedMark = mark()
    if (stoodStill) void beat()
    else hub.closeStale()
  }
  return [
    setInterval(() => void beat(), beatEveryMs).unref(),
    setInterval(check, checkEveryMs).unref(),
    setInterval(() => void hub.dropEnded().catch(() => {}), credentialsEveryMs).unref(),
  ]
}
