// The wiring: everything that decides, built once from configuration and two connections. No globals; what is not here does
// not exist.

import type { Logger } from 'pino'
import { HistoryWatch } from '#apps/process/history-watch.ts'
import { openKeyEncryption } from '#apps/process/key-settings.ts'
import { openTileStore } from '#apps/process/tiles/open-tile-store.ts'
import { AccountStore } from '#core/account/account-store.ts'
import type { ChangeDeps } from '#core/account/change-accounts.ts'
import { Challenges } from '#core/anonymous/challenges.ts'
import type { GroupCommit } from '#core/audit/group-commit.ts'
import type { LogStreams } from '#core/audit/stream/log-streams.ts'
import { openLogStreams } from '#core/audit/stream/open-log-streams.ts'
import type { ChallengeNonces } from '#core/did/challenge-nonces.ts'
import type { ExchangeDeps } from '#core/exchange/exchange-deps.ts'
import { groupOf, Rejections } from '#core/exchange/rejections.ts'
import { deriveMac } from '#core/ids/derive-mac.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { Keyring } from '#core/keys/keyring.ts'
import { SigningThread } from '#core/keys/signing-thread.ts'
import { createLeaser } from '#core/quota/leaser.ts'
import { Quotas } from '#core/quota/quotas.ts'
import { TenantDirectory } from '#core/registry/directory.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { JwksStore } from '#core/subject/jwks-store.ts'
import { DatabaseClock } from '#core/time/database-clock.ts'
import type { TrustMaterial } from '#core/trust-material/trust-material.ts'
import { readAccounts } from '#db/accounts/read-accounts.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { type Database, openDatabase } from '#db/connect.ts'
import { readLogGlimpse } from '#db/log/history.ts'
import { findSealState } from '#db/log/seal.ts'
import { leaseQuota } from '#db/quota/lease.ts'
import { readClock } from '#db/server/check-server.ts'
import { announceDeadlines } from './announce-deadlines.ts'
import type { BrokerConfig } from './config.ts'
import { createExchange } from './create-exchange.ts'
import { createFailpoint } from './failpoint.ts'
import { createFeed, type Feed, standardFeedStreams } from './feed/feed.ts'
import { Heartbeat } from './heartbeat.ts'
import { openLog } from './open-log.ts'
import { openTrust } from './open-trust.ts'
import { SealWatch } from './seal-watch.ts'
import { SealedLogs } from './sealed-logs.ts'

export interface BrokerDeps {
  readonly config: BrokerConfig
  readonly logger: Logger
  readonly clock: DatabaseClock
  readonly database: Database
  readonly keyEncryption: KeyEncryption
  readonly directory: TenantDirectory
  readonly log: GroupCommit
  readonly rejections: Rejections
  /** Keys of those who vouch for workloads and of those through whom people sign in. */
  readonly jwks: JwksStore
  /** Bundles and revocation lists, as they are followed. */
  readonly material: TrustMaterial
  readonly exchange: ExchangeDeps
  /** Nonces for holders of DIDs to sign. */
  readonly challenges: ChallengeNonces
  /** Work for strangers to do. */
  readonly workChallenges: Challenges
  readonly heartbeat: Heartbeat
  /** Whether the log is still the one that this process has seen. */
  readonly history: HistoryWatch
  /** How far sealing is behind. */
  readonly sealWatch: SealWatch
  /** Of revocations, to guards. */
  readonly feed: Feed
  /** Those who follow the log. */
  readonly logStreams: LogStreams
  /** Changes accounts; what that revokes is with this process's streams at once. */
  readonly transition: ChangeDeps['transition']
  /** The log as far as it is sealed. */
  readonly sealedLogs: SealedLogs
  /** Ends connections; after it nothing works. */
  close(): Promise<void>
}

export function createDeps(config: BrokerConfig, logger: Logger): BrokerDeps {
  const clock = new DatabaseClock()
  const database = openDatabase(config.databaseUrl, { applicationName: 'mayfly-broker' })
  const keyEncryption = openKeyEncryption(config)
  const failpoint = createFailpoint(config.failpoint)
  const accounts = new AccountStore((ids, taskKeys) => readAccounts(database.sql, ids, taskKeys))
  const deadlines = announceDeadlines(config, clock, logger)
  // A guard is told nothing more, and refuses everything once its bound has passed.
  const onLost = (): void => feed.endStreams()
  const history = new HistoryWatch({ read: position => readLogGlimpse(database.sql, position), logger, onLost })
  const { log, close: closeLog } = openLog({ url: config.databaseUrl, clock, logger, failpoint, accounts, deadlines, history })
  const trust = openTrust(config, database, clock, logger)
  const { material, jwks, challenges } = trust
  const { directory, close: closeSigning } = openDirectory(config, database, keyEncryption, snapshot =>
    material.follow(snapshot, clock.nowMs()),
  )
  const rejections = new Rejections(clock)
  const secret = config.keyEncryptionKey
  const quotas = openQuotas(database, clock, secret)
  const workChallenges = new Challenges(secret)
  const sealWatch = new SealWatch(() => findSealState(database.sql))
  const checkLog = (): void => {
    history.check()
    sealWatch.check()
  }
  const parts = { directory, clock, accounts, rejections, workChallenges, quotas, log, checkLog, failpoint }
  const exchange = createExchange(parts, { database, keyEncryption, trust }, secret)
  const heartbeat = new Heartbeat(clock, () => readClock(database.sql))
  const { databaseUrl, feedStreams: maxStreams = standardFeedStreams } = config
  const feed = createFeed({ databaseUrl, maxStreams, clock, database, logger, onForgotten: () => history.look() })
  const close = async (): Promise<void> => {
    heartbeat.stop()
    history.stop()
    sealWatch.stop()
    trust.stop()
    await feed.close()
    await log.close()
    await quotas.close()
    await Promise.all([closeLog(), deadlines.close(), database.close(), trust.close(), closeSigning()])
  }
  return {
    config,
    logger,
    clock,
    database,
    keyEncryption,
    directory,
    log,
    rejections,
    jwks,
    material,
    exchange,
    challenges,
    workChallenges,
    heartbeat,
    history,
    sealWatch,
    feed,
    sealedLogs: new SealedLogs(config.logTiles && openTileStore(config.logTiles), database.db),
    logStreams: openLogStreams(database, () => clock.nowMs()),
    transition: changes => transitionAccounts(database.sql, changes, feed.offer),
    close,
  }
}

/** Tenants with their keys, which a thread of its own signs with. prepare: done before a tenant is known. */
function openDirectory(
  { publicUrl: baseUrl, limits }: BrokerConfig,
  { db }: Database,
  keyEncryption: KeyEncryption,
  prepare: (snapshot: TenantSnapshot) => Promise<void>,
): { directory: TenantDirectory; close: () => Promise<void> } {
  const signing = new SigningThread()
  const keyring = new Keyring(keyEncryption, signing.sign)
  const directory = new TenantDirectory({ db, keyring, baseUrl, prepare, ...(limits && { limits }) })
  return { directory, close: () => signing.close() }
}

function openQuotas({ sql }: Database, clock: DatabaseClock, secret: Uint8Array): Quotas {
  const addressMac = deriveMac(secret, 'mayfly quota of an address')
  return new Quotas({ clock, lease: createLeaser(rows => leaseQuota(sql, rows)), addressMac, groupOf })
}
