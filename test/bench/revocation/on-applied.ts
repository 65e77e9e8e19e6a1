// Tells from outside when a guard has applied something of the feed: what a guard notes for its acknowledgement is in force, and it does
// so in the async context in which it was made.

import { AsyncLocalStorage } from 'node:async_hooks'
import { Acknowledger } from '../../../packages/guard/src/feed/acknowledger.ts'

const context = new AsyncLocalStorage<(epoch: number) => void>()

/** Runs `make`; from then on `applied` is called each time that what it made has come to another epoch. */
export function withAppliedListener<T>(make: () => T, applied: (epoch: number) => void): T {
  patchOnce()
  return context.run(applied, make)
}

let isPatched = false
function patchOnce(): void {
  if (isPatched) return
  isPatched = true
  const note = Acknowledger.prototype.applied
  Acknowledger.prototype.applied = function (this: Acknowledger, position) {
    note.call(this, position)
    context.getStore()?.(position.epoch)
  }
}
