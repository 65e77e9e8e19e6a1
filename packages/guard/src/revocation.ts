// Whether a token that is otherwise good was revoked meanwhile. What is known to be revoked is refused however old the
// knowledge; what is not known to be revoked is let through only while the knowledge is fresh. A token that passed is looked
// up again only when something has come in since.

import { randomUUID } from 'node:crypto'
import type { BrokerConnection } from './broker/broker-connection.ts'
import type { FindKey } from './broker/key-source.ts'
import { FeedFollower, type FeedState } from './feed/feed-follower.ts'
import { marksOf } from './feed/revocation-index.ts'
import type { GuardSettings } from './options.ts'
import { maxListChars } from './status-list/read-list.ts'
import { StatusLists } from './status-list/status-lists.ts'
import type { KnownToken } from './token/token-cache.ts'
import type { Reason } from './verdict.ts'
import { type OnWarning, processWarning } from './warnings.ts'

type Answer = Reason | undefined

/** The revocation side of one guard. */
export class RevocationCheck {
  readonly #settings: GuardSettings
  readonly #feed: FeedFollower | undefined
  readonly #lists: StatusLists | undefined
  readonly #warn: OnWarning
  #isStale = false
  #isClosed = false

  constructor(settings: GuardSettings, connection: BrokerConnection, findKey: FindKey) {
    this.#settings = settings
    this.#lists = settings.revocation.mode === 'none' ? undefined : listsOf(settings, connection, findKey)
    this.#warn = settings.onWarning ?? processWarning
    this.#feed = settings.revocation.mode === 'feed' ? followerOf(settings, connection) : undefined
    this.#warnOfLaxity()
  }

  /** Undefined: it may pass. Answers at once wherever it can. */
  check(known: KnownToken): Answer | Promise<Answer> {
    const own = this.#askOwner(known)
    if (own) return own
    switch (this.#settings.revocation.mode) {
      case 'none':
        return undefined
      case 'status-list':
        return this.#checkList(known, 'status_missing')
      case 'feed':
        return this.#checkFeed(known, this.#feed!)
      default:
        this.#settings.revocation.mode satisfies never
        return 'revocation_unknown'
    }
  }

  /** Whether it is known to be revoked, however old the knowledge is. */
  isKnownRevoked({ claims, kid, memo }: KnownToken): boolean {
    const index = this.#feed?.index
    if (!index || memo.passedAt === index.version) return false
    memo.marks ??= marksOf(claims, kid)
    if (index.refuses(memo.marks, claims)) return true
    memo.passedAt = index.version
    return false
  }

  /** Undefined in other modes than `feed`. */
  get feed(): FeedState | undefined {
    return this.#feed?.state()
  }

  /** Resolves once the first attempt to reach the feed is over. */
  async ready(): Promise<void> {
    await this.#feed?.starting
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#feed?.close()
  }

  #askOwner({ claims }: KnownToken): Answer {
    try {
      return this.#settings.isRevoked?.(claims) ? 'token_revoked' : undefined
    } catch {
      return 'revocation_unknown'
    }
  }

  #checkFeed(known: KnownToken, feed: FeedFollower): Answer | Promise<Answer> {
    if (this.isKnownRevoked(known)) return 'token_revoked'
    // What was under way when it was closed may still arrive, and lists could still be read.
    if (this.#isClosed) return 'revocation_unknown'
    if (feed.isFresh) {
      if (this.#isStale) this.#tellFresh()
      return undefined
    }
    if (feed.starting) return feed.starting.then(() => this.#checkFeed(known, feed))
    this.#tellStale(feed)
    return this.#checkList(known, 'revocation_unknown')
  }

  async #checkList({ claims }: KnownToken, otherwise: Reason): Promise<Answer> {
    const status = claims.status?.status_list
    if (!status || !this.#lists) return otherwise
    const answer = await this.#lists.isRevoked(status)
    if (answer === 'revoked') return 'token_revoked'
    return answer === 'valid' ? undefined : 'revocation_unknown'
  }

  #tellStale(feed: FeedFollower): void {
    if (this.#isStale) return
    this.#isStale = true
    const { reason, ageMs, lastFailure, clockOffMs } = feed.state()
    const facts = [
      ageMs === undefined ? 'never reached' : `last complete ${Math.round(ageMs / 1000)} s ago`,
      lastFailure === undefined ? undefined : `last failure: ${lastFailure === 0 ? 'no answer' : `HTTP ${lastFailure}`}`,
      reason === 'clock_off' ? `this clock is ${Math.round(clockOffMs ?? 0)} ms ahead of the broker's` : reason,
    ]
    const told = facts.filter(fact => fact !== undefined).join('; ')
    this.#warn(
      `The revocation feed of ${this.#settings.issuer} cannot be followed, so requests are refused unless their token names a status list: ${told}.`,
      'feed_stale',
    )
  }

  #tellFresh(): void {
    this.#isStale = false
    this.#warn(`The revocation feed of ${this.#settings.issuer} is followed again.`, 'feed_back')
  }

  #warnOfLaxity(): void {
    const { revocation, isRevoked, resource } = this.#settings
    const { mode, maxStaleSeconds } = revocation
    if (mode === 'none' && !isRevoked)
      this.#warn(
        `The guard of ${resource} does not learn of revocations: a revoked token works until it expires.`,
        'revocation_none',
      )
    if (mode !== 'none' && maxStaleSeconds > 10)
      this.#warn(`The guard of ${resource} may know of a revocation up to ${maxStaleSeconds} s late.`, 'stale_bound_wide')
  }
}

function followerOf(settings: GuardSettings, connection: BrokerConnection): FeedFollower {
  const { issuer, ca, timeoutMs, revocation, clock } = settings
  return new FeedFollower({
    connection,
    issuer,
    credential: settings.credential!,
    ca,
    timeoutMs,
    maxStaleMs: revocation.maxStaleSeconds * 1000,
    maxEntries: revocation.maxEntries,
    guard: revocation.name,
    instance: randomUUID(),
    wallMs: clock,
  })
}

function listsOf(settings: GuardSettings, connection: BrokerConnection, findKey: FindKey): StatusLists {
  const { issuer, revocation, clock } = settings
  return new StatusLists({
    issuer,
    findKey,
    fetchText: uri => connection.readText(uri, 'application/statuslist+jwt', maxListChars),
    maxStaleMs: revocation.maxStaleSeconds * 1000,
    wallMs: clock,
  })
}
