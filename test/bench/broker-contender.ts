// The broker's rows: `warm` (accounts spread evenly, subject tokens seen before), `first` (a new subject token opens an
// account) and `fresh` (the same on a TLS connection of its own).
// What each is asked is in `broker/traffic.ts`.

import type { Contender } from './contender.ts'

export function brokerContenders(): Contender[] {
  return []
}
