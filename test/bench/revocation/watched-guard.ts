// One guard of the fleet, with a stream and a cache of its own, and everything that it was seen to do.

import { createGuard, type Guard } from '../../../packages/guard/src/index.ts'
import { nowMs } from './clock.ts'
import type { Applied, Look, Outcome } from './history.ts'
import { withAppliedListener } from './on-applied.ts'
import type { FeedView, FleetOptions } from './protocol.ts'

export interface KnownToken {
  readonly authorization: string
  /** DER of its presenter's. */
  readonly certificate: Uint8Array
}

export interface Trail {
  readonly looks: Look[]
  readonly applied: Applied[]
  /** Why tokens were refused, by how often. */
  readonly reasons: Record<string, number>
}

export class WatchedGuard {
  readonly #number: number
  readonly #guard: Guard
  readonly #trail: Trail
  readonly #tokens: readonly KnownToken[]
  readonly #watched = new Set<number>()
  readonly #onRefused: (token: number, atMs: number) => void
  #epoch = -1

  /** tokens: by number, shared by all guards of the process. onRefused: a watched token was refused for the first time. */
  constructor(input: {
    readonly number: number
    readonly options: FleetOptions
    readonly tokens: readonly KnownToken[]
    readonly trail: Trail
    readonly onRefused: (token: number, atMs: number) => void
  }) {
    const { issuer, resource, credential, caPem, maxStaleSeconds } = input.options
    this.#number = input.number
    this.#tokens = input.tokens
    this.#trail = input.trail
    this.#onRefused = input.onRefused
    const name = `bench-${input.number}`
    this.#guard = withAppliedListener(
      () =>
        createGuard({
          issuer,
          resource,
          credential,
          tls: { ca: caPem },
          report: false,
          cacheSize: 20_000,
          revocation: { mode: 'feed', maxStaleSeconds, name },
        }),
      epoch => this.#applied(epoch),
    )
  }

  feed(): FeedView {
    const feed = this.#guard.stats().feed
    const { epoch = -1, fresh = false, snapshots = 0, gaps = 0 } = feed ?? {}
    return { guard: this.#number, epoch, fresh, snapshots, gaps }
  }

  watch(token: number): void {
    this.#watched.add(token)
  }

  /** One verification, kept in the trail. */
  async look(token: number): Promise<Outcome> {
    const { authorization, certificate } = this.#tokens[token]!
    const startedMs = nowMs()
    const verdict = await this.#guard.verify({
      method: 'GET',
      url: '/api/orders/1',
      headers: { authorization },
      certificate,
      scope: ['orders:read'],
    })
    const endedMs = nowMs()
    const outcome = verdict.ok ? 'accepted' : outcomeOf(verdict.reason)
    if (!verdict.ok) this.#trail.reasons[verdict.reason] = (this.#trail.reasons[verdict.reason] ?? 0) + 1
    this.#trail.looks.push({ guard: this.#number, token, startedMs, endedMs, outcome })
    if (outcome === 'revoked' && this.#watched.delete(token)) this.#onRefused(token, endedMs)
    return outcome
  }

  /** Looks at what it watches, else at any token that it has seen. */
  sample(known: number): void {
    const [watched] = this.#watched
    if (watched !== undefined) void this.look(watched)
    else if (known > 0) void this.look(Math.floor(Math.random() * known))
  }

  #applied(epoch: number): void {
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    this.#trail.applied.push({ guard: this.#number, epoch, atMs: nowMs() })
    for (const token of this.#watched) void this.look(token)
  }

  close(): Promise<void> {
    return this.#guard.close()
  }
}

function outcomeOf(reason: string): Outcome {
  if (reason === 'token_revoked') return 'revoked'
  return reason === 'revocation_unknown' || reason === 'clock_off' || reason === 'keys_unavailable' ? 'unavailable' : 'other'
}
