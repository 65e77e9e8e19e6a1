// Peak throughput: every connection asks again as soon as it is answered.

import type { Traffic } from '../contender.ts'
import { type Collected, Collector } from './collector.ts'
import { type Lane, openLanes } from './lane.ts'

export interface ClosedLoop {
  kind: 'closed'
  connections: number
  /** Measured time; answers count when they arrive within it. */
  seconds: number
  /** Asked before it, not counted. */
  warmupSeconds: number
  /** Stops early when so many were sent. */
  maxRequests: number
}

/** Runs the loop from request `first` on. */
export async function runClosedLoop(traffic: Traffic, plan: ClosedLoop, first: number): Promise<Collected> {
  const lanes = await openLanes(traffic, plan.connections)
  const begin = performance.now() + plan.warmupSeconds * 1000
  const end = begin + plan.seconds * 1000
  const collector = new Collector(first, begin, end)

  const drive = (lane: Lane): Promise<void> =>
    new Promise(resolve => {
      const over = (): boolean => performance.now() >= end || collector.sent >= plan.maxRequests || collector.brokenOff
      const ask = (): void => {
        const index = collector.take()
        const sentAt = performance.now()
        lane.ask(traffic.request(index, lane.number), answer => {
          collector.add(index, answer, sentAt, performance.now())
          if (over()) resolve()
          // Not at once on an error: a refused connection would have this loop spin.
          else if (answer instanceof Error) setTimeout(ask, 1)
          else ask()
        })
      }
      ask()
    })
  await Promise.all(lanes.map(drive))
  for (const lane of lanes) lane.close()
  return collector.finish()
}
