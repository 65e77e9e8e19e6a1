// Interleaved rounds. Two cores that others share drift by tens of per cent within minutes, so contenders are compared only
// within a round, and each round runs them in the reverse order of the one before (A B B A A B …): a drift in one
// direction favours each of them as often.

import type { Contender, RunningContender } from './contender.ts'
import type { LoadResult } from './load/job.ts'
import { LoadProcess } from './load/load-process.ts'
import type { BenchOptions } from './options.ts'
import { median } from './statistics.ts'

/** Bounds the requests of a run; a run that reaches it fails, so that no rate is cut off unseen. */
const mostPerSecond = 20_000

export interface Entrant {
  name: string
  running: RunningContender
  load: LoadProcess
  /** One result per round. */
  rounds: LoadResult[]
  /** Under open-loop load at half of the median peak. */
  latency?: { ratePerSecond: number; result: LoadResult }
  /** Highest resident memory seen after a round. */
  rssBytes: number
}

/** Starts every contender and its load process. When one fails, those that run are stopped again. */
export async function enter(contenders: Contender[]): Promise<Entrant[]> {
  const entrants: Entrant[] = []
  try {
    for (const { name, start } of contenders) {
      const running = await start()
      entrants.push({ name, running, load: new LoadProcess(running), rounds: [], rssBytes: 0 })
    }
    return entrants
  } catch (error) {
    await leave(entrants)
    throw error
  }
}

/** Stops all of them, whatever each says. */
export async function leave(entrants: Entrant[]): Promise<void> {
  for (const entrant of entrants) entrant.load.stop()
  await Promise.allSettled(entrants.map(entrant => entrant.running.stop()))
}

/** One round in the given order; `tell` hears each result. */
export async function runRound(
  order: Entrant[],
  options: BenchOptions,
  tell: (entrant: Entrant, result: LoadResult) => void,
): Promise<void> {
  for (const entrant of order) {
    const result = await runPeak(entrant, options)
    entrant.rounds.push(result)
    entrant.rssBytes = Math.max(entrant.rssBytes, await entrant.running.rssBytes())
    tell(entrant, result)
  }
}

/** Lets every server and its generator compile their hot code; a cold first round is 20 to 40 % slower. Not counted. */
export async function warmUp(entrants: Entrant[], options: BenchOptions): Promise<void> {
  for (const entrant of entrants) {
    const { failed, reasons } = await runPeak(entrant, options)
    if (failed > 0) throw new Error(`${entrant.name}: ${failed} answers failed in the warm-up: ${reasons.join(' | ')}`)
  }
}

function runPeak({ load, running }: Entrant, { seconds, warmupSeconds, connections }: BenchOptions): Promise<LoadResult> {
  const maxRequests = Math.ceil((seconds + warmupSeconds) * (running.mostPerSecond ?? mostPerSecond))
  return load.run({ kind: 'closed', connections, seconds, warmupSeconds, maxRequests })
}

/** The latency of an entrant at half of its own median peak. */
export async function runLatency(entrant: Entrant, options: BenchOptions): Promise<void> {
  const ratePerSecond = Math.max(1, Math.floor(median(entrant.rounds.map(round => round.tokensPerSecond)) / 2))
  const { latencySeconds: seconds, warmupSeconds, connections } = options
  const maxRequests = Math.ceil((seconds + warmupSeconds) * ratePerSecond)
  const result = await entrant.load.run({ kind: 'open', connections, ratePerSecond, seconds, warmupSeconds, maxRequests })
  entrant.latency = { ratePerSecond, result }
}

/** The ratio to the peer in each round. */
export function ratios(entrant: Entrant, peer: Entrant): number[] {
  return entrant.rounds.map((round, i) => round.tokensPerSecond / peer.rounds[i]!.tokensPerSecond)
}

/** The order of round `index` (from 0). */
export function orderOf<T>(entrants: readonly T[], index: number): T[] {
  return index % 2 === 0 ? [...entrants] : entrants.toReversed()
}
