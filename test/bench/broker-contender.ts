// The broker's rows: `warm` (accounts spread evenly, subject tokens seen before), `first` (a new subject token opens an
// account) and `fresh` (the same on a TLS connection of its own).
// What each is asked is in `broker/traffic.ts`.

import { startBenchBroker } from './broker/bench-broker.ts'
import type { BrokerRow } from './broker/traffic.ts'
import type { Contender } from './contender.ts'
import { rssBytesOf } from './machine.ts'

/** Requests of `first` and `fresh` are made ready before a run, since minting their subject tokens costs time. */
export const mostPerSecond = { warm: undefined, first: 8_000, fresh: 2_500 } as const

/** Each row has a broker and a PostgreSQL of its own, so that none is measured in the state that another left. */
export function brokerContenders({ accounts = 1_000 } = {}): Contender[] {
  const row = (name: BrokerRow): Contender => ({
    name,
    async start() {
      const broker = await startBenchBroker()
      return {
        trafficModule: import.meta.resolve('./broker/traffic.ts'),
        trafficOptions: { ...broker.trafficOptions, row: name, accounts },
        ...(mostPerSecond[name] !== undefined && { mostPerSecond: mostPerSecond[name] }),
        rssBytes: () => rssBytesOf(broker.pid),
        stop: () => broker.stop(),
      }
    },
  })
  return [row('warm'), row('first'), row('fresh')]
}
