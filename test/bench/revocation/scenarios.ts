// The three things that are shown: one revocation at a time, many a second for a while, and a parent with its descendants.

import { setTimeout as delay } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import type { Revoked } from './history.ts'
import type { Call, Opened, RevocationWorld } from './world.ts'

/** A revoking call, the tokens that it was about and that guards knew, and when the last guard refused them. */
export interface Watched {
  readonly call: Call
  readonly tokens: readonly number[]
  /** Absent where nobody watched. */
  readonly lastRefusalMs?: number
}

export interface Stage {
  readonly world: RevocationWorld
  readonly fleet: Fleet
}

const refusedWithinMs = 30_000
const mostUnderWatch = 4

/** Each when the one before has arrived everywhere, and the machine has come to rest. */
export async function revokeOneByOne({ world, fleet }: Stage, count: number): Promise<Watched[]> {
  const accounts = await world.open(count)
  const tokens = await fleet.learn(accounts)
  const done: Watched[] = []
  for (const [i, { id }] of accounts.entries()) {
    const { lastRefusal } = await fleet.watch(tokens[i]!)
    await delay(20 + 40 * Math.random())
    world.wall.sample()
    const call = await world.revoke(id)
    done.push({ call, tokens: [tokens[i]!], lastRefusalMs: await inTime(lastRefusal) })
  }
  return done
}

/** At a steady rate, whether or not earlier ones have arrived. One of `watchEvery` is watched at all guards. */
export async function revokeSteadily(
  { world, fleet }: Stage,
  plan: { readonly perMinute: number; readonly seconds: number; readonly watchEvery: number },
): Promise<{ readonly done: Watched[]; readonly perMinute: number }> {
  const count = Math.round((plan.perMinute / 60) * plan.seconds)
  const accounts = await world.open(count)
  const known = accounts.filter((_, i) => i % plan.watchEvery === 0)
  const tokens = await fleet.learn(known)
  const work: Promise<Watched>[] = []
  let underWatch = 0
  const begunMs = performance.now()
  for (const [i, { id }] of accounts.entries()) {
    const waitMs = begunMs + (i * 60_000) / plan.perMinute - performance.now()
    if (waitMs > 1) await delay(waitMs)
    if (i % 100 === 0) world.wall.sample()
    // Whoever watches more than a few tokens at a time measures the watching.
    const isWatched = i % plan.watchEvery === 0 && underWatch < mostUnderWatch
    underWatch += isWatched ? 1 : 0
    const revoking = isWatched
      ? revokeWatched({ world, fleet }, id, tokens[i / plan.watchEvery]!)
      : revokeUnseen(world, id, i % plan.watchEvery === 0 ? [tokens[i / plan.watchEvery]!] : [])
    work.push(
      revoking.finally(() => {
        underWatch -= isWatched ? 1 : 0
      }),
    )
  }
  const done = await Promise.all(work)
  const lastAnswerMs = Math.max(...done.map(({ call }) => call.answeredMs))
  const firstAskMs = Math.min(...done.map(({ call }) => call.askedMs))
  return { done, perMinute: (count / (lastAnswerMs - firstAskMs)) * 60_000 }
}

async function revokeWatched({ world, fleet }: Stage, id: string, token: number): Promise<Watched> {
  const { lastRefusal } = await fleet.watch(token)
  const call = await world.revoke(id)
  return { call, tokens: [token], lastRefusalMs: await inTime(lastRefusal) }
}

const revokeUnseen = async (world: RevocationWorld, id: string, tokens: readonly number[]): Promise<Watched> => ({
  call: await world.revoke(id),
  tokens,
})

/** The guards watch the descendants between them, each its share. At the end of the run every guard is asked for every one. */
export async function revokeFamily({ world, fleet }: Stage, children: number): Promise<Watched> {
  const family = await world.openFamily(children)
  const all: Opened[] = [family.root, ...family.children]
  const tokens = await fleet.learn(all)
  const { lastRefusal } = await fleet.watchShared(tokens)
  await delay(300)
  world.wall.sample()
  const call = await world.revoke(family.root.id)
  const lastRefusalMs = await inTime(lastRefusal)
  return { call, tokens, lastRefusalMs }
}

/** As the checker of histories wants it. */
export async function toRevoked(world: RevocationWorld, watched: readonly Watched[]): Promise<Revoked[]> {
  const commits = await world.readCommits(watched.map(({ call }) => call.id))
  return watched.map(({ call, tokens }) => ({ ...call, ...commits.get(call.id)!, tokens }))
}

async function inTime(lastRefusal: Promise<number>): Promise<number> {
  const late = delay(refusedWithinMs, undefined, { ref: false }).then(() => {
    throw new Error(`not refused everywhere within ${refusedWithinMs} ms`)
  })
  return Promise.race([lastRefusal, late])
}
