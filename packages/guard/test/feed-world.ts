// A guard on the feed of a broker that a test holds in its hand.

import { afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { FakeFeed } from '../../test/fake-feed.ts'
import { type Authority, newAuthority } from '../../test/tls.ts'
import { createGuard, type Guard, type GuardOptions } from '../src/index.ts'
import { claimsWith, jwks, reasonOf, requestWith, resource, signToken } from './issuer.ts'

export const credential = 'mfr_secret-of-this-resource'

export class FeedWorld {
  authority!: Authority
  feed!: FakeFeed
  readonly guards: Guard[] = []
  /** Codes of the warnings of all guards, in order. */
  readonly warnings: string[] = []

  guard(change: Partial<GuardOptions> = {}): Guard {
    const guard = createGuard({
      issuer: this.feed.origin,
      resource,
      credential,
      jwks,
      tls: { ca: this.authority.pem },
      timeoutMs: 500,
      report: false,
      onWarning: (_message, code) => this.warnings.push(code),
      ...change,
    })
    this.guards.push(guard)
    return guard
  }

  /** A guard whose stream is open. */
  async following(change: Partial<GuardOptions> = {}): Promise<Guard> {
    const guard = this.guard(change)
    await until(() => expect(this.feed.streams.size).toBe(this.guards.length))
    return guard
  }

  /** A good token of now, and what a guard says of it. */
  token(change: object = {}) {
    const seconds = Math.floor(Date.now() / 1000)
    const claims = claimsWith({ iss: this.feed.origin, iat: seconds, exp: seconds + 300, ...change })
    const request = requestWith(signToken(claims))
    return { claims, request, ask: async (guard: Guard) => reasonOf(await guard.verify(request)) }
  }
}

/** A world for each test of a file, taken down after it. */
export function useFeed(): FeedWorld {
  const world = new FeedWorld()
  beforeAll(async () => {
    world.authority = await newAuthority()
  })
  beforeEach(async () => {
    world.feed = await FakeFeed.start(world.authority)
  })
  afterEach(async () => {
    await Promise.all(world.guards.splice(0).map(guard => guard.close()))
    await world.feed.close()
    world.warnings.length = 0
  })
  return world
}

export const until = (check: () => unknown) => vi.waitFor(check, { timeout: 5000, interval: 5 })

export const epochOf = (guard: Guard): number | undefined => guard.stats().feed?.epoch
