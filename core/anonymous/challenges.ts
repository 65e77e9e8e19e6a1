// Challenges for strangers who want an account: work that costs them seconds of a processor and us one hash to check.
//
// Nobody stores a challenge: it says when it was given, to which address and how hard it is, under a MAC whose key all replicas
// derive from one secret. How hard grows with how many were asked for in the last minute, by everybody and from that address, as far
// as this process has seen. Asking costs nothing, so of those from one address only the first few make it harder for the others:
// nobody keeps strangers out by asking. What bounds the number of accounts is not this but the budgets of tenant and address.

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { deriveMac, macBytes } from '#core/ids/derive-mac.ts'
import { decodeBase64url } from '#core/jwt/base64url.ts'

/** How long a challenge is good for. */
export const challengeSeconds = 120
/** How far ahead the clock of the replica that gave it may run. */
const aheadSeconds = 10
const headBytes = 16

/** Leading zero bits: 2¹⁶ hashes, a tenth of a second; never more than 2²⁸, minutes. */
export const leastBits = 16
export const mostBits = 28
/** As many a minute are free of extra work: from all, and from one address. */
const calmTotal = 30
const calmAddress = 4
const windowMs = 60_000

/** Counts by the minute; what was counted in the last one fades as this one goes on. */
class RecentCount {
  #window = 0
  #now = 0
  #before = 0

  add(nowMs: number, units = 1): number {
    const window = Math.floor(nowMs / windowMs)
    if (window !== this.#window) {
      this.#before = window === this.#window + 1 ? this.#now : 0
      this.#now = 0
      this.#window = window
    }
    this.#now += units
    return this.#now + this.#before * (1 - (nowMs % windowMs) / windowMs)
  }
}

const extraBits = (count: number, calm: number): number => Math.max(0, Math.ceil(Math.log2(count / calm)))

export interface Challenge {
  /** 43 characters of base64url. */
  readonly challenge: string
  readonly bits: number
}

export class Challenges {
  readonly #mac: ReturnType<typeof deriveMac>
  readonly #total = new RecentCount()
  readonly #byAddress = new LRUCache<string, RecentCount>({ max: 20_000 })

  /** secret: at least 32 random bytes, the same in all replicas. Used through HKDF only, so it may serve other ends too. */
  constructor(secret: Uint8Array) {
    this.#mac = deriveMac(secret, 'mayfly anonymous challenge')
  }

  /** tenantId: uuid. group: the one name of all addresses that share a budget. nowMs: the database's clock. */
  issue(tenantId: string, group: string, nowMs: number): Challenge {
    const own = this.#byAddress.get(group) ?? new RecentCount()
    this.#byAddress.set(group, own)
    const ofAddress = own.add(nowMs)
    const ofAll = this.#total.add(nowMs, ofAddress <= calmAddress ? 1 : 0)
    const wanted = leastBits + extraBits(ofAll, calmTotal) + extraBits(ofAddress, calmAddress)
    const bits = Math.min(mostBits, wanted)
    const head = randomBytes(headBytes)
    head.writeUInt32BE(Math.floor(nowMs / 1000))
    head.writeUInt8(bits, 4)
    return { challenge: Buffer.concat([head, this.#macOf(tenantId, group, head)]).toString('base64url'), bits }
  }

  /** How hard it is, if we gave it for this tenant to this address lately; else undefined. */
  read(tenantId: string, group: string, challenge: string, nowMs: number): { bits: number; untilSeconds: number } | undefined {
    const bytes = decodeBase64url(challenge)
    if (bytes?.length !== headBytes + macBytes) return undefined
    const head = bytes.subarray(0, headBytes)
    if (!timingSafeEqual(bytes.subarray(headBytes), this.#macOf(tenantId, group, head))) return undefined
    const givenSeconds = head.readUInt32BE()
    const ageSeconds = nowMs / 1000 - givenSeconds
    if (ageSeconds < -aheadSeconds || ageSeconds >= challengeSeconds) return undefined
    return { bits: head.readUInt8(4), untilSeconds: givenSeconds + challengeSeconds }
  }

  #macOf(tenantId: string, group: string, head: Buffer): Buffer {
    return this.#mac(tenantId, '\0', group, '\0', head)
  }
}
