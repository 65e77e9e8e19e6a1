// Latency under a given load: requests are due at fixed times whatever the server does, and latency counts from the time
// that a request was due, not from when a connection was free to send it. So a server that stalls is charged for everyone
// who would have come in the meantime (no "coordinated omission").
//
// Timers wake about once a millisecond, so up to that much of each latency is the generator's own; `lag` says how much.

import type { Traffic } from '../contender.ts'
import { type Collected, Collector } from './collector.ts'
import { type Lane, openLanes } from './lane.ts'

export interface OpenLoop {
  kind: 'open'
  connections: number
  ratePerSecond: number
  seconds: number
  warmupSeconds: number
  maxRequests: number
}

/** How long after the last due time an answer may come; later ones count as lost. */
const graceMs = 5_000

/** Runs the schedule from request `first` on. */
export async function runOpenLoop(traffic: Traffic, plan: OpenLoop, first: number): Promise<Collected> {
  const lanes = await openLanes(traffic, plan.connections)
  const start = performance.now()
  const begin = start + plan.warmupSeconds * 1000
  const end = begin + plan.seconds * 1000
  const collector = new Collector(first, begin, end, 'due')
  await followSchedule({ traffic, plan, lanes, collector, start, end })
  for (const lane of lanes) lane.close()
  return collector.finish()
}

interface Run {
  traffic: Traffic
  plan: OpenLoop
  lanes: Lane[]
  collector: Collector
  start: number
  end: number
}

function followSchedule({ traffic, plan, lanes, collector, start, end }: Run): Promise<void> {
  const stepMs = 1000 / plan.ratePerSecond
  const total = Math.min(plan.maxRequests, Math.round((plan.warmupSeconds + plan.seconds) * plan.ratePerSecond))
  const free = [...lanes]
  const waiting: number[] = [] // due times; the first may have waited longest
  let due = 0
  let answered = 0

  return new Promise(resolve => {
    const send = (lane: Lane, dueAt: number): void => {
      const index = collector.take()
      lane.ask(traffic.request(index, lane.number), answer => {
        collector.add(index, answer, dueAt, performance.now())
        answered++
        const next = waiting.shift()
        if (next === undefined) free.push(lane)
        else setImmediate(send, lane, next)
      })
    }
    const tick = (): void => {
      const now = performance.now()
      for (; due < total && start + due * stepMs <= now; due++) {
        collector.addLag(now - (start + due * stepMs)) // of the timer alone, not the wait for a free connection
        const lane = free.shift() // the one that rested longest, so that none idles into the server's time-out
        if (lane) send(lane, start + due * stepMs)
        else waiting.push(start + due * stepMs)
      }
      if (collector.brokenOff || answered === total || now > end + graceMs) {
        collector.addLost(total - answered)
        resolve()
      } else setTimeout(tick, 1)
    }
    tick()
  })
}
