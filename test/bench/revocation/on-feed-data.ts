// Tells which guard has just heard something from the feed, from outside: whatever a guard sets off runs in the async context in
// which the guard was made, and bytes of an event stream are bytes of an `IncomingMessage`. Called after the guard's own reader.

import { AsyncLocalStorage } from 'node:async_hooks'
import { IncomingMessage } from 'node:http'

const context = new AsyncLocalStorage<() => void>()

/** Runs `make`; from then on `heard` is called each time that bytes of an event stream of what it made have been read. */
export function withFeedListener<T>(make: () => T, heard: () => void): T {
  patchOnce()
  return context.run(heard, make)
}

let isPatched = false
function patchOnce(): void {
  if (isPatched) return
  isPatched = true
  const emit = IncomingMessage.prototype.emit
  IncomingMessage.prototype.emit = function (this: IncomingMessage, event: string, ...args: unknown[]): boolean {
    const result = (emit as (...all: unknown[]) => boolean).call(this, event, ...args)
    if (event === 'data' && this.headers['content-type']?.startsWith('text/event-stream')) context.getStore()?.()
    return result
  } as typeof emit
}
