// The guard: a request with a task token goes in, a verdict comes out. Verification is offline; only `once` asks the broker.
// The order of the steps matters: what is cheap and proves nothing comes first, what has an effect (consuming a token,
// spending a nonce) comes last, so that a request that is refused anyway consumes nothing.

import { type Authenticator, authenticate, type NotAuthenticated } from './authenticate.ts'
import { type BindingRules, checkBinding } from './binding.ts'
import { BrokerConnection } from './broker/broker-connection.ts'
import { keySource } from './broker/issuer-keys.ts'
import { Decisions, type Judgement } from './decisions.ts'
import { DpopProofs } from './dpop/dpop-proofs.ts'
import type { FeedState } from './feed/feed-follower.ts'
import { type GuardOptions, type GuardSettings, type RevocationOptions, readOptions } from './options.ts'
import { type Authorization, type Authorized, authorize } from './permission/authorize.ts'
import { neededDetail } from './permission/needed-detail.ts'
import { placeResource } from './permission/place.ts'
import { ChallengeNonces } from './replay/challenge-nonces.ts'
import { consume } from './replay/consume.ts'
import { type Credentials, type GuardedRequest, readCredentials } from './request.ts'
import { metadataAddress, type ResourceMetadata, resourceMetadata } from './resource-metadata.ts'
import { RevocationCheck } from './revocation.ts'
import { checkTime } from './token/check-claims.ts'
import type { TaskTokenClaims } from './token/claims.ts'
import { type KnownToken, TokenCache } from './token/token-cache.ts'
import { type Allowed, noHeaders, type Reason, type Refused, reasons, refuse, type Verdict } from './verdict.ts'

/** Counters since the start of the guard. */
export interface GuardStats {
  readonly allowed: number
  /** Refusals by reason, those of unverifiable tokens among them. */
  readonly refused: Readonly<Partial<Record<Reason, number>>>
  readonly cachedTokens: number
  /** Decisions that the broker has recorded, that wait, and that were lost. */
  readonly decisions: { readonly reported: number; readonly pending: number; readonly dropped: number }
  /** How it learns of revocations, and how it stands with the feed, where that is how. */
  readonly revocation: RevocationOptions['mode']
  readonly feed: FeedState | undefined
}

/** Stands in front of one resource and trusts one issuer. */
export interface Guard {
  /** Judges a request. Never throws: what cannot be judged is refused. */
  verify(request: GuardedRequest): Promise<Verdict>
  /** The same, at once where nothing has to be waited for: for adapters, to which a promise costs as much as the verdict. */
  decide(request: GuardedRequest): Verdict | Promise<Verdict>
  /**
   * Whether what was let in may go on: false once its token has ended or was revoked, or where that cannot be known. For streams
   * and sockets, which outlive their request; to be asked each second. Never throws.
   */
  holds(allowed: Allowed): Promise<boolean>
  /** The resource's RFC 9728 document. */
  readonly metadata: ResourceMetadata
  /** Where that document is to be served; undefined where the resource is no http(s) URL. */
  readonly metadataUrl: URL | undefined
  stats(): GuardStats
  /** Resolves once the first attempt to reach the revocation feed is over, well or badly. Nobody has to wait for it. */
  ready(): Promise<void>
  /** Sends decisions that wait. */
  flush(): Promise<void>
  /** Sends decisions that wait, and ends connections to the broker. Afterwards a guard on the feed lets nobody in. */
  close(): Promise<void>
}

/**
 * Makes a guard. Throws a TypeError that names everything wrong with the options.
 *
 * @example
 * const guard = createGuard({ issuer: 'https://broker.example', resource: 'https://api.example/v1' })
 * const verdict = await guard.verify({ method, url, headers, certificate })
 */
export function createGuard(options: GuardOptions): Guard {
  return new TokenGuard(readOptions(options))
}

class TokenGuard implements Guard {
  readonly metadata: ResourceMetadata
  readonly metadataUrl: URL | undefined
  readonly #settings: GuardSettings
  readonly #connection: BrokerConnection
  readonly #authenticator: Authenticator
  readonly #nonces: ChallengeNonces | undefined
  readonly #binding: BindingRules
  readonly #decisions: Decisions
  readonly #revocation: RevocationCheck
  /** Tokens by the claims that verdicts show. */
  readonly #letIn = new WeakMap<TaskTokenClaims, KnownToken>()

  constructor(settings: GuardSettings) {
    this.#settings = settings
    this.#connection = new BrokerConnection(settings)
    this.#authenticator = {
      findKey: keySource(settings, this.#connection),
      cache: new TokenCache(settings.cacheSize),
      place: placeResource(settings.resource, settings.mountPath),
      issuer: settings.issuer,
      resource: settings.resource,
    }
    this.#nonces = settings.replay.includes('challenge') ? new ChallengeNonces() : undefined
    this.#decisions = new Decisions(settings, this.#connection)
    this.#revocation = new RevocationCheck(settings, this.#connection, this.#authenticator.findKey)
    this.#binding = { allowBearer: settings.allowBearer, proofs: dpopProofs(settings) }
    this.metadata = resourceMetadata(settings, this.#binding.proofs)
    this.metadataUrl = metadataAddress(settings.resource)
  }

  async verify(request: GuardedRequest): Promise<Verdict> {
    return this.decide(request)
  }

  decide(request: GuardedRequest): Verdict | Promise<Verdict> {
    const startedMs = this.#decisions.startOne()
    try {
      const now = this.#settings.clock()
      const judged = this.#judge(request, now)
      if (!(judged instanceof Promise)) return this.#conclude(judged, request, now, startedMs)
      return judged.then(late => this.#conclude(late, request, now, startedMs)).catch(() => this.#failure(request, startedMs))
    } catch {
      return this.#failure(request, startedMs)
    }
  }

  #failure(request: GuardedRequest, startedMs: number): Refused {
    this.#decisions.note({ reason: 'guard_failed' }, request, Date.now(), startedMs)
    return refuse('guard_failed', { resourceMetadata: undefined })
  }

  #conclude(judged: Judgement, request: GuardedRequest, now: number, startedMs: number): Verdict {
    this.#decisions.note(judged, request, now, startedMs)
    if ('reason' in judged) return this.#refusal(judged.reason, request, now)
    return { ok: true, token: judged.claims, granted: judged.granted, headers: this.#headersFor(judged.claims, now) }
  }

  // What can be answered at once is: waiting for what is no promise would cost as much as all the checks of a known token.
  #judge(request: GuardedRequest, now: number): Judgement | Promise<Judgement> {
    const credentials = readCredentials(request.headers)
    if (typeof credentials === 'string') return { reason: credentials }
    const found = authenticate(credentials.token, this.#authenticator)
    // Keys or a feed that are long in coming keep no token alive: after each wait it is later.
    if (found instanceof Promise)
      return found.then(known => this.#judgeFound(known, credentials, request, this.#settings.clock()))
    return this.#judgeFound(found, credentials, request, now)
  }

  #judgeFound(
    known: KnownToken | NotAuthenticated,
    credentials: Credentials,
    request: GuardedRequest,
    now: number,
  ): Judgement | Promise<Judgement> {
    if ('reason' in known) return known
    const live = this.#checkLive(known, now)
    if (live instanceof Promise) return this.#judgeLater(live, known, credentials, request)
    return live ? { reason: live, claims: known.claims } : this.#judgeLive(known, credentials, request, now)
  }

  async #judgeLater(live: Promise<Reason | undefined>, known: KnownToken, credentials: Credentials, request: GuardedRequest) {
    const revoked = await live
    const now = this.#settings.clock()
    const reason = revoked ?? checkTime(known.claims, now / 1000, this.#settings.maxAgeSeconds)
    return reason ? { reason, claims: known.claims } : this.#judgeLive(known, credentials, request, now)
  }

  #judgeLive(known: KnownToken, credentials: Credentials, request: GuardedRequest, now: number): Judgement | Promise<Judgement> {
    const { claims } = known
    const reason =
      checkBinding(claims, credentials, request, this.#binding, now) ??
      (this.#settings.replay.includes(claims.replay) ? undefined : 'replay_mode_refused')
    if (reason) return { reason, claims }
    const authorized = authorize(known.grant, request)
    if (authorized instanceof Promise || claims.replay !== 'pop') return this.#judgeLate(known, authorized, now)
    return typeof authorized === 'string' ? { reason: authorized, claims } : this.#letThrough(known, authorized)
  }

  /** The steps that wait, and the one with an effect. */
  async #judgeLate(known: KnownToken, asked: Authorization | Promise<Authorization>, now: number): Promise<Judgement> {
    const { claims } = known
    const authorized = await asked
    if (typeof authorized === 'string') return { reason: authorized, claims }
    // Whoever trickles a body must not keep a token alive with it.
    const reason = (await this.#checkLive(known, this.#settings.clock())) ?? (await this.#use(known, now))
    return reason ? { reason, claims } : this.#letThrough(known, authorized)
  }

  #letThrough(known: KnownToken, { detail }: Authorized): Judgement {
    if (!known.memo.isLetIn) this.#letIn.set(known.claims, known)
    known.memo.isLetIn = true
    return { granted: detail, claims: known.claims }
  }

  async holds({ token }: Allowed): Promise<boolean> {
    try {
      const known = this.#letIn.get(token)
      return known !== undefined && (await this.#checkLive(known, this.#settings.clock())) === undefined
    } catch {
      return false
    }
  }

  /** Whether the token is of this time and not revoked. Asked again after a step that may have waited. */
  #checkLive(known: KnownToken, now: number): Reason | undefined | Promise<Reason | undefined> {
    return checkTime(known.claims, now / 1000, this.#settings.maxAgeSeconds) ?? this.#revocation.check(known)
  }

  /** The step with an effect; undefined means that the token may be used now. */
  async #use(known: KnownToken, now: number): Promise<Reason | undefined> {
    const { issuer, credential } = this.#settings
    const { claims } = known
    switch (claims.replay) {
      case 'pop':
        return undefined
      case 'once': {
        if (!credential) return 'consume_unavailable'
        const refused = await consume(this.#connection, issuer, credential, claims)
        // A revocation may have overtaken the answer. The token is used up either way.
        return refused ?? (this.#revocation.isKnownRevoked(known) ? 'token_revoked' : undefined)
      }
      case 'challenge': {
        const spent = this.#nonces?.spend(claims.nonce ?? '', now) ?? 'refused'
        if (spent === 'full') return 'nonce_store_full'
        return spent === 'spent' ? undefined : 'nonce_not_issued_here'
      }
      default:
        claims.replay satisfies never
        return 'replay_mode_refused'
    }
  }

  /** RFC 9449 § 8.2: the nonce to go on with, so that nobody has to be refused for an old one. */
  #headersFor({ cnf }: TaskTokenClaims, now: number): Readonly<Record<string, string>> {
    const nonces = cnf?.jkt === undefined ? undefined : this.#binding.proofs?.nonces
    return nonces ? { 'dpop-nonce': nonces.issue(now) } : noHeaders
  }

  #refusal(reason: Reason, request: GuardedRequest, now: number): Refused {
    const { proofs } = this.#binding
    const credentials = proofs && readCredentials(request.headers)
    return refuse(reason, {
      resourceMetadata: this.metadataUrl?.href,
      scope: reasons[reason].status === 503 ? undefined : request.scope,
      needed:
        reason === 'operation_not_granted'
          ? neededDetail(this.#settings.resource, this.#authenticator.place, request)
          : undefined,
      taskNonce: this.#nonces?.issue(now),
      dpop: proofs && {
        algorithms: proofs.algorithms,
        required: proofs.required,
        used: typeof credentials === 'object' && credentials.scheme === 'dpop',
        nonce: proofs.nonces?.issue(now),
      },
    })
  }

  stats(): GuardStats {
    const { allowed, refused, reporter } = this.#decisions
    const { reported = 0, pending = 0, dropped = 0 } = reporter ?? {}
    return {
      allowed,
      refused,
      cachedTokens: this.#authenticator.cache.size,
      decisions: { reported, pending, dropped },
      revocation: this.#settings.revocation.mode,
      feed: this.#revocation.feed,
    }
  }

  async ready(): Promise<void> {
    await this.#revocation.ready()
  }

  async flush(): Promise<void> {
    await this.#decisions.reporter?.flush()
  }

  async close(): Promise<void> {
    await this.#revocation.close()
    await this.#decisions.reporter?.close()
    this.#connection.close()
  }
}

/** Undefined where DPoP is off, or where the resource has no address that a proof could name. */
function dpopProofs({ dpop = {}, resource, mountPath }: GuardSettings): DpopProofs | undefined {
  if (dpop === false) return undefined
  const publicUrl = dpop.publicUrl ?? resource
  if (!isWeb(publicUrl)) return undefined
  return new DpopProofs({ ...dpop, publicUrl }, mountPath ?? (isWeb(resource) ? new URL(resource).pathname : undefined))
}

function isWeb(uri: string): boolean {
  return /^https?:$/.test(new URL(uri).protocol)
}
