// Status lists as verifiers get them. A list is made of the database when it is asked for, as of an epoch of the tenant's feed; while
// that stays the same the list does too, and only its times are signed anew. So however many ask, the database is asked for the
// epoch once a second for each list, and for the list when something was revoked; the more rarely the longer that takes.
//
// How late may a verifier be? It keeps a list for `ttl`, a cache on the way for `maxAgeSeconds`, we for `mostSignedForMs`: ten seconds in
// all, and at `exp` an end is put to it.

import { BrokerError } from '#core/errors/broker-error.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { Clock } from '#core/time/clock.ts'
import { encodeList } from './encode-list.ts'

export const statusListTyp = 'statuslist+jwt'
/** How long verifiers may keep a list. */
const ttlSeconds = 5
/** How long caches on the way may keep it. */
export const maxAgeSeconds = 2
/** When it ends, whoever kept it. */
const lifeSeconds = 10
const leastSignedForMs = 1_000
const mostSignedForMs = 3_000
/** Of the time, the database spends no more than a quarter on one list. */
const restFactor = 3
/** After so long a list is made anew though nothing was revoked: tokens that ended leave it, and a list without tokens goes. */
const builtForMs = 60_000
/** Up to 20 KB each. */
const mostLists = 1_000

export interface PublishedListsDeps {
  /** Of the tenant's feed, read from the primary. */
  readonly readHead: (
    tenantId: string,
  ) => Promise<{ readonly shard: string; readonly epoch: number; readonly databaseMs: number }>
  /** `readRevokedPlaces` among a tenant's lists. */
  readonly readRevoked: (tenantId: string, list: string) => Promise<readonly number[] | undefined>
  readonly clock: Clock
}

interface Built {
  readonly shard: string
  readonly epoch: number
  /** Undefined: there is no such list. */
  readonly lst: string | undefined
  readonly builtMs: number
}

interface Published {
  readonly built: Built
  readonly token: string | undefined
  /** As of when, and until when it is given out. */
  readonly asOfMs: number
  readonly untilMs: number
}

export class PublishedLists {
  readonly #deps: PublishedListsDeps
  readonly #published = new GenerationCache<string, Published>(mostLists)
  readonly #underWay = new Map<string, Promise<Published>>()

  constructor(deps: PublishedListsDeps) {
    this.#deps = deps
  }

  /**
   * A list of the tenant's as a signed JWT (draft-ietf-oauth-status-list § 5.1); undefined: no token is in it. uri: its own address.
   * Throws BrokerError `log_unavailable` while the database does not answer: what it would say is not known.
   */
  async get(snapshot: TenantSnapshot, list: string, uri: string): Promise<string | undefined> {
    const known = this.#published.get(list)
    const nowMs = this.#deps.clock.nowMs()
    if (known && known.asOfMs <= nowMs && nowMs < known.untilMs) return known.token
    let publishing = this.#underWay.get(list)
    if (!publishing) {
      publishing = this.#publish(snapshot, { list, uri, before: known?.built }).finally(() => this.#underWay.delete(list))
      this.#underWay.set(list, publishing)
    }
    return (await publishing).token
  }

  async #publish(
    snapshot: TenantSnapshot,
    { list, uri, before }: { readonly list: string; readonly uri: string; readonly before: Built | undefined },
  ): Promise<Published> {
    const { clock } = this.#deps
    const startMs = clock.nowMs()
    const { built, databaseMs } = await this.#build(snapshot.tenant.id, list, before).catch(cause => {
      throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
    })
    const restMs = restFactor * (clock.nowMs() - startMs)
    const token = built.lst === undefined ? undefined : await signList(snapshot, uri, built.lst, databaseMs)
    const untilMs = databaseMs + Math.min(mostSignedForMs, Math.max(leastSignedForMs, restMs))
    const published = { built, token, asOfMs: databaseMs, untilMs }
    // A list without tokens is not remembered: the next token may stand in it, and be looked up at once.
    if (token !== undefined) this.#published.set(list, published)
    else this.#published.delete(list)
    return published
  }

  /** The head first: a list may know more than its epoch says, never less. */
  async #build(tenantId: string, list: string, before: Built | undefined): Promise<{ built: Built; databaseMs: number }> {
    const { readHead, readRevoked } = this.#deps
    const { shard, epoch, databaseMs } = await readHead(tenantId)
    const isSame = before?.lst !== undefined && before.shard === shard && before.epoch === epoch
    if (isSame && databaseMs - before.builtMs < builtForMs) return { built: before, databaseMs }
    const revoked = await readRevoked(tenantId, list)
    return { built: { shard, epoch, lst: revoked && encodeList(revoked), builtMs: databaseMs }, databaseMs }
  }
}

function signList({ tenant, signers }: TenantSnapshot, uri: string, lst: string, databaseMs: number): Promise<string> {
  const signer = signers.get('ES256') ?? signers.get('RS256')
  if (!signer) throw new BrokerError('internal', { detail: `tenant ${tenant.id} has no signing key` })
  const iat = Math.floor(databaseMs / 1000)
  const claims = { iss: tenant.issuer, sub: uri, iat, exp: iat + lifeSeconds, ttl: ttlSeconds, status_list: { bits: 1, lst } }
  return signer.sign(JSON.stringify(claims), statusListTyp)
}
