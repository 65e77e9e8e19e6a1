// The wiring: everything that decides, built once from configuration and two connections. No globals; what is not here does
// not exist.

import type { Logger } from 'pino'
import { ownStoresOf } from '#apps/outbound/outbound.ts'
import { HistoryWatch } from '#apps/process/history-watch.ts'
import { openKeyEncryption } from '#apps/process/key-settings.ts'
import { openTileStore } from '#apps/process/tiles/open-tile-store.ts'
import { AccountStore } from '#core/account/account-store.ts'
import { Ceilings } from '#core/account/ceilings.ts'
import type { ChangeDeps } from '#core/account/change-accounts.ts'
import { Challenges } from '#core/anonymous/challenges.ts'
import type { Failpoint } from '#core/audit/failpoint.ts'
import { GroupCommit } from '#core/audit/group-commit.ts'
import type { LogStreams } from '#core/audit/stream/log-streams.ts'
import { openLogStreams } from '#core/audit/stream/open-log-streams.ts'
import { Lineages } from '#core/delegation/lineages.ts'
import type { ChallengeNonces } from '#core/did/challenge-nonces.ts'
import { DpopNonces } from '#core/dpop/nonces.ts'
import type { ExchangeDeps } from '#core/exchange/exchange-deps.ts'
import { Grants } from '#core/exchange/grant.ts'
import { IssuanceFrames } from '#core/exchange/issuance-frames.ts'
import { Pins } from '#core/exchange/pins.ts'
import { groupOf, Rejections } from '#core/exchange/rejections.ts'
import { deriveMac } from '#core/ids/derive-mac.ts'
import { IssuerTokens } from '#core/issuer-token/issuer-tokens.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { Keyring } from '#core/keys/keyring.ts'
import { SigningThread } from '#core/keys/signing-thread.ts'
import { SubjectKeys } from '#core/keys/subject-keys.ts'
import { createLeaser } from '#core/quota/leaser.ts'
import { Quotas } from '#core/quota/quotas.ts'
import { TenantDirectory } from '#core/registry/directory.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { FirstUses } from '#core/replay/first-uses.ts'
import { ListNames } from '#core/status-list/list-names.ts'
import { StatusPlaces } from '#core/status-list/status-places.ts'
import { AccountSubjects } from '#core/subject/account-subject.ts'
import { SubjectAuthenticator } from '#core/subject/authenticate-subject.ts'
import { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { VerifyingThread } from '#core/subject/verifying-thread.ts'
import { DatabaseClock } from '#core/time/database-clock.ts'
import type { TrustMaterial } from '#core/trust-material/trust-material.ts'
import { holdAccount } from '#db/accounts/hold-account.ts'
import { readAccounts, readSubjectKeys, replaceClaimHash } from '#db/accounts/read-accounts.ts'
import { readLineagesNow } from '#db/accounts/read-lineages.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { type Database, openDatabase } from '#db/connect.ts'
import { type AppendOutcome, type AppendRequest, appendBatch } from '#db/log/append.ts'
import { readLogGlimpse } from '#db/log/history.ts'
import { findSealState } from '#db/log/seal.ts'
import { leaseQuota } from '#db/quota/lease.ts'
import { storeCeiling } from '#db/registry/ceilings.ts'
import { readCeilings } from '#db/registry/read-ceilings.ts'
import { consumeReplays } from '#db/replay/consume.ts'
import { readClock } from '#db/server/check-server.ts'
import { announceDeadlines, type DeadlineAnnouncer } from './announce-deadlines.ts'
import type { BrokerConfig } from './config.ts'
import { createFailpoint } from './failpoint.ts'
import { createFeed, type Feed, standardFeedStreams } from './feed/feed.ts'
import { followTrustMaterial } from './follow-trust-material.ts'
import { Heartbeat } from './heartbeat.ts'
import { createIssuerFetch } from './issuer-fetch.ts'
import { createJwtProofs } from './jwt-proofs.ts'
import { createRevocationCheck } from './revocation-check.ts'
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
  const signing = new SigningThread()
  const verifying = new VerifyingThread()
  const keyring = new Keyring(keyEncryption, signing.sign)
  const ownStores = ownStoresOf(config.databaseUrl, config.queueDatabaseUrl, config.redisUrl)
  const issuerFetch = createIssuerFetch({ allowPrivateAddresses: config.allowPrivateIssuers, ownStores })
  const { material, close: stopFollowing } = followTrustMaterial(issuerFetch.document, verifying.verify, clock, logger)
  const prepare = (snapshot: TenantSnapshot): Promise<void> => material.follow(snapshot, clock.nowMs())
  const { limits } = config
  const directory = new TenantDirectory({
    db: database.db,
    keyring,
    baseUrl: config.publicUrl,
    prepare,
    ...(limits && { limits }),
  })
  const jwks = new JwksStore(issuerFetch, verifying.verify)
  const certificates = new CertificateSubjects(material)
  const rejections = new Rejections(clock)
  const firstUses = new FirstUses(uses => consumeReplays(database.sql, uses))
  const secret = config.keyEncryptionKey
  const { proofs, challenges } = createJwtProofs({ issuerFetch, verify: verifying.verify, jwks, material, firstUses, secret })
  const addressMac = deriveMac(secret, 'mayfly quota of an address')
  const quotas = new Quotas({ clock, lease: createLeaser(rows => leaseQuota(database.sql, rows)), addressMac, groupOf })
  const workChallenges = new Challenges(secret)
  const sealWatch = new SealWatch(() => findSealState(database.sql))
  const exchange: ExchangeDeps = {
    directory,
    clock,
    certificates,
    accountSubjects: new AccountSubjects(accounts, binding => holdAccount(database.sql, binding)),
    rejections,
    workChallenges,
    quotas,
    log,
    subjects: new SubjectAuthenticator(proofs, certificates, tenantId => material.generationOf(tenantId)),
    issuerTokens: new IssuerTokens(verifying.verify),
    isRevoked: createRevocationCheck(database),
    accounts,
    lineages: new Lineages(names => readLineagesNow(database.sql, names)),
    ceilings: new Ceilings(
      ids => readCeilings(database.db, ids),
      (hash, text) => storeCeiling(database.db, hash, text),
    ),
    grants: new Grants(),
    issuanceFrames: new IssuanceFrames(),
    statusPlaces: new StatusPlaces(new ListNames(secret)),
    subjectKeys: new SubjectKeys(keyEncryption, names => readSubjectKeys(database.sql, names)),
    pins: new Pins(),
    nonces: new DpopNonces(secret),
    firstUses,
    checkLog: () => {
      history.check()
      sealWatch.check()
    },
    replaceClaimHash: renewal => replaceClaimHash(database.sql, renewal),
    failpoint,
  }
  const heartbeat = new Heartbeat(clock, () => readClock(database.sql))
  const { databaseUrl, feedStreams: maxStreams = standardFeedStreams } = config
  const feed = createFeed({ databaseUrl, maxStreams, clock, database, logger, onForgotten: () => history.look() })
  const close = async (): Promise<void> => {
    heartbeat.stop()
    history.stop()
    sealWatch.stop()
    stopFollowing()
    await feed.close()
    await log.close()
    await quotas.close()
    await Promise.all([closeLog(), deadlines.close(), database.close(), issuerFetch.close(), signing.close(), verifying.close()])
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

const countAppended = (requests: readonly AppendRequest[], outcomes: readonly AppendOutcome[]): number =>
  requests.reduce((sum, { events }, at) => sum + (outcomes[at] === 'appended' ? events.length : 0), 0)

/** The log has a connection of its own, so that nothing else can stand in its way; one that hangs is dropped for another. */
function openLog(options: {
  readonly url: string
  readonly clock: DatabaseClock
  readonly logger: Logger
  readonly failpoint: Failpoint | undefined
  readonly accounts: AccountStore
  readonly deadlines: DeadlineAnnouncer
  readonly history: HistoryWatch
}): { log: GroupCommit; close: () => Promise<void> } {
  const { url, clock, logger, failpoint, accounts, deadlines, history } = options
  const open = (): Database => openDatabase(url, { poolSize: 1, applicationName: 'mayfly-log', statementTimeoutMs: 2_000 })
  let database = open()
  const log = new GroupCommit({
    clock,
    failpoint,
    commit: async requests => {
      const answer = await history.watched(
        () => appendBatch(database.sql, requests),
        ({ firstPosition, outcomes }) => ({ firstPosition, leaves: countAppended(requests, outcomes) }),
      )
      for (const account of answer.existing) accounts.remember(account)
      requests.forEach(({ opening }, index) => {
        if (opening && answer.outcomes[index] === 'appended') deadlines.note(opening.deadline)
      })
      return answer
    },
    reconnect: () => {
      logger.warn('the audit log does not answer; dropping its connection')
      const hung = database
      database = open()
      void hung.sql.end({ timeout: 0 }).catch(() => {})
    },
  })
  return { log, close: () => database.close() }
}
