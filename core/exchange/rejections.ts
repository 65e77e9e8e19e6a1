// Junk. Whoever proves nothing must not be able to fill the log, the queue or the processor: refusals of unverified
// credentials are counted by second and fixed reason, and an address that fails too often is turned away before the
// costly part (a signature check). Callers whose credential is known already never come here.

import { LRUCache } from 'lru-cache'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Clock } from '#core/time/clock.ts'

export interface RejectionCount {
  readonly tenantId: string
  readonly reason: string
  readonly count: number
}

interface Bucket {
  tokens: number
  updatedMs: number
}

/** An address may fail this often at once, and this many times a second for ever. */
const burst = 200
const perSecond = 20
const maxCounters = 256

export class Rejections {
  readonly #clock: Clock
  readonly #buckets = new LRUCache<string, Bucket>({ max: 20_000 })
  #counts = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws BrokerError `too_many_requests` while the address has used up its failures, unless the caller is `known` otherwise. */
  admit(address: string, known: () => boolean): void {
    const bucket = this.#refilled(address)
    if (bucket && bucket.tokens < 1 && !known())
      throw new BrokerError('too_many_requests', { retryAfterSeconds: Math.ceil((1 - bucket.tokens) / perSecond) })
  }

  /** tenantId: undefined where it concerns none; then only the address pays. reason: a fixed word, never a caller's text. */
  count(tenantId: string | undefined, address: string, reason: string): void {
    const bucket = this.#refilled(address) ?? { tokens: burst, updatedMs: this.#clock.nowMs() }
    bucket.tokens = Math.max(0, bucket.tokens - 1)
    this.#buckets.set(groupOf(address), bucket)
    if (tenantId !== undefined) this.note(tenantId, reason)
  }

  /** Counts a refusal that its address does not pay for: the caller is known. */
  note(tenantId: string, reason: string): void {
    const key = `${tenantId} ${reason}`
    if (this.#counts.has(key) || this.#counts.size < maxCounters) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  /**
   * Waits for the verification of a proof. That keys could not be had counts like a refusal: a stranger can invent names whose
   * keys we would ask for again and again.
   */
  async watch<Result>(tenantId: string, address: string, verify: () => Result | Promise<Result>): Promise<Result> {
    try {
      return await verify()
    } catch (error) {
      if (error instanceof BrokerError && error.code === 'trust_source_unavailable') this.count(tenantId, address, error.code)
      throw error
    }
  }

  /** The counts since the last call, to be written into the log as one event for each tenant. */
  drain(): RejectionCount[] {
    const drained = [...this.#counts].map(([key, count]) => {
      const space = key.indexOf(' ')
      return { tenantId: key.slice(0, space), reason: key.slice(space + 1), count }
    })
    this.#counts = new Map()
    return drained
  }

  #refilled(address: string): Bucket | undefined {
    const bucket = this.#buckets.get(groupOf(address))
    if (!bucket) return undefined
    const nowMs = this.#clock.nowMs()
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.updatedMs) / 1000) * perSecond)
    bucket.updatedMs = nowMs
    return bucket
  }
}

/** One budget for an IPv4 address, however it is written, and for the /64 that one IPv6 host commonly owns. */
export function groupOf(address: string): string {
  if (!address.includes(':')) return address
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length)
  // `::` stands for as many zero groups as are missing; cut before it is written out, each host would be a group.
  const [before = '', after] = address.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after ? after.split(':') : []
  const zeros = after === undefined ? [] : Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
