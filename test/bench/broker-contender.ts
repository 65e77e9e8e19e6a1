// The broker's rows: `warm` (accounts spread evenly, subject tokens seen before), `first` (a new subject token opens an
// account) and `fresh` (the same on a TLS connection of its own).
// What each is asked is in `broker/traffic.ts`.

import { type BenchBroker, startBenchBroker } from './broker/bench-broker.ts'
import type { BrokerRow } from './broker/traffic.ts'
import type { Contender } from './contender.ts'
import { rssBytesOf } from './machine.ts'

/** Requests of `first` and `fresh` are made ready before a run, since minting their subject tokens costs time. */
export const mostPerSecond = { warm: undefined, first: 8_000, fresh: 2_500 } as const

export function brokerContenders({ accounts = 1_000 } = {}): Contender[] {
  let running: Promise<BenchBroker> | undefined
  let users = 0
  const row = (name: BrokerRow): Contender => ({
    name,
    async start() {
      running ??= startBenchBroker()
      users++
      const broker = await running
      return {
        trafficModule: import.meta.resolve('./broker/traffic.ts'),
        trafficOptions: { ...broker.trafficOptions, row: name, accounts },
        ...(mostPerSecond[name] !== undefined && { mostPerSecond: mostPerSecond[name] }),
        rssBytes: () => rssBytesOf(broker.pid),
        stop: async () => {
          if (--users === 0) await broker.stop()
        },
      }
    },
  })
  return [row('warm'), row('first'), row('fresh')]
}
