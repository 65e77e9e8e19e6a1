// A block of units that this process has leased of a limit, to be given out without asking anybody.
//
// The limit's row in the database says how many units were leased to all processes together, never more than the limit. So no
// set of processes can go beyond it, and what one holds and does not use is all that others may miss: one block each. Blocks
// shrink as the limit comes near (the database gives a quarter of what is left at most), so near it little is missed.
//
// A block is refilled ahead, when half of it is used; who finds it empty waits for the refill, first come first served. With the
// end of its window the units lapse.

import { BrokerError } from '#core/errors/broker-error.ts'

/** opens, tokens and units: by the minute. account_tokens and account_units: for as long as the account lives. */
export type QuotaKind = 'opens' | 'tokens' | 'units' | 'account_tokens' | 'account_units'

export interface QuotaKey {
  readonly tenantId: string
  /** uuid of tenant, agent or account; of an address a MAC in the same form. */
  readonly scope: string
  readonly kind: QuotaKind
}

export interface LeaseRequest extends QuotaKey {
  readonly limit: number
  /** Units that are waited for. */
  readonly least: number
  /** Units that are asked for if there is plenty. */
  readonly wanted: number
  readonly givenBack: number
  /** Units that whoever opened the account holds already; counted when nobody has leased before. */
  readonly opening: number
}

export interface Lease {
  readonly granted: number
  /** Units that all processes have leased, this lease among them. */
  readonly used: number
  /** When they lapse, milliseconds since the epoch on the database's clock; Infinity: never. */
  readonly endsMs: number
  /** The database's clock at the lease, milliseconds since the epoch. */
  readonly atMs: number
}

export type Leaser = (request: LeaseRequest) => Promise<Lease>

const largestBlock = 20_000
/** Totals can become free again, when another process gives units back. */
const askAgainMs = 1_000

/** How many units a process leases at a time. */
export const blockSize = (limit: number): number => Math.min(largestBlock, Math.max(1, Math.ceil(limit / 64)))

interface Waiting {
  readonly units: number
  readonly resolve: (era: number | undefined) => void
  readonly reject: (error: unknown) => void
}

export class Block {
  readonly key: QuotaKey
  readonly #lease: Leaser
  readonly #opening: (limit: number) => number
  #limit: number
  #held: number
  #endsMs: number
  #used = 0
  #dryUntilMs = 0
  #refilling = false
  #waiting: Waiting[] = []
  #era = 0

  /** held: units that are this process's from the beginning (`opening`), of a limit that never lapses. */
  constructor(
    key: QuotaKey,
    limit: number,
    lease: Leaser,
    options: { readonly held?: number; readonly opening?: (limit: number) => number } = {},
  ) {
    this.key = key
    this.#limit = limit
    this.#lease = lease
    this.#opening = options.opening ?? (() => 0)
    this.#held = options.held ?? 0
    this.#used = this.#held
    this.#endsMs = this.#held > 0 ? Number.POSITIVE_INFINITY : 0
  }

  get limit(): number {
    return this.#limit
  }

  /** Units that are out before anybody leases. */
  get opening(): number {
    return this.#opening(this.#limit)
  }

  /** Units that lie here unused. */
  get held(): number {
    return this.#held
  }

  /** Changes whenever units that were leased before are good no more. */
  get era(): number {
    return this.#era
  }

  /** When the units of this window lapse, milliseconds since the epoch; 0: nothing was leased yet. */
  get endsMs(): number {
    return this.#endsMs
  }

  /** Units that can still be had, as well as this process knows: what others leased since its last lease is not in it. */
  get remaining(): number {
    return Math.max(0, this.#limit - this.#used) + this.#held
  }

  /** Takes units at once; false when there are not so many here. limit: as it is now. */
  tryTake(units: number, limit: number, nowMs: number): boolean {
    if (limit !== this.#limit) this.#adopt(limit)
    if (nowMs >= this.#endsMs) this.#lapse()
    if (this.#held < units || this.#waiting.length > 0) return false
    this.#held -= units
    if (this.#held * 2 < blockSize(limit) && nowMs >= this.#dryUntilMs) void this.#refill()
    return true
  }

  /** Takes units, after a lease if need be; gives their era, or undefined: the limit is reached. Throws BrokerError `log_unavailable`. */
  async take(units: number, limit: number, nowMs: number): Promise<number | undefined> {
    if (this.tryTake(units, limit, nowMs)) return this.#era
    if (units > limit || nowMs < this.#dryUntilMs) return undefined
    const waiting = new Promise<number | undefined>((resolve, reject) => this.#waiting.push({ units, resolve, reject }))
    void this.#refill()
    return waiting
  }

  /** Units that were taken and not used. era: in which they were taken. */
  giveBack(units: number, era: number): void {
    if (era === this.#era) this.#held += units
  }

  /** Takes all that lies here out, to be given back to the database. */
  empty(): number {
    const held = this.#held
    this.#held = 0
    return held
  }

  /** Of a limit that was changed, this process forgets what it held: it may be more than the new one allows. */
  #adopt(limit: number): void {
    this.#limit = limit
    this.#held = 0
    this.#dryUntilMs = 0
    this.#era++
  }

  #lapse(): void {
    this.#held = 0
    this.#used = 0
    this.#dryUntilMs = 0
    this.#era++
  }

  async #refill(): Promise<void> {
    if (this.#refilling) return
    this.#refilling = true
    const limit = this.#limit
    const awaited = this.#waiting.reduce((sum, { units }) => sum + units, 0)
    const wanted = Math.max(0, blockSize(limit) + awaited - this.#held)
    try {
      const { key, opening } = this
      const lease = await this.#lease({ ...key, limit, least: awaited, wanted, givenBack: 0, opening })
      this.#refilling = false
      if (limit === this.#limit) this.#receive(lease, awaited)
      this.#serve()
    } catch (error) {
      this.#refilling = false
      const waiting = this.#waiting
      this.#waiting = []
      for (const { reject } of waiting) reject(refusalFor(error))
    }
  }

  #receive({ granted, used, endsMs, atMs }: Lease, awaited: number): void {
    if (endsMs !== this.#endsMs) this.#lapse()
    this.#endsMs = endsMs
    this.#held += granted
    this.#used = used
    const lapses = endsMs !== Number.POSITIVE_INFINITY
    this.#dryUntilMs = used < this.#limit && granted >= awaited ? 0 : lapses ? endsMs : atMs + askAgainMs
  }

  /** Who came first is served first; whoever cannot be served any more is told, the others wait for the next refill. */
  #serve(): void {
    while (this.#waiting.length > 0) {
      const { units, resolve } = this.#waiting[0]!
      const served = this.#held >= units
      if (!served && this.#dryUntilMs === 0) break
      this.#waiting.shift()
      if (served) this.#held -= units
      resolve(served ? this.#era : undefined)
    }
    if (this.#waiting.length > 0) void this.#refill()
  }
}

const refusalFor = (cause: unknown): BrokerError =>
  cause instanceof BrokerError ? cause : new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
