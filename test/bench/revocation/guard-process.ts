// A process of guards. It does what it is told over the pipe and keeps the trail of all that its guards did.

import { X509Certificate } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Answers, FleetOptions, HeldToken, Note, Order } from './protocol.ts'
import { toColumns } from './protocol.ts'
import { type KnownToken, type Trail, WatchedGuard } from './watched-guard.ts'

const freshWithinMs = 20_000
const quietMs = 30
const trail: Trail = { looks: [], applied: [], reasons: {} }
const tokens: KnownToken[] = []
let guards: WatchedGuard[] = []
/** Guards that have not refused it yet, by token. */
const waiting = new Map<number, { left: number; lastMs: number }>()

const say = (note: Note): void => {
  process.send!(note)
}

function refused(token: number, atMs: number): void {
  const wait = waiting.get(token)
  if (!wait) return
  wait.lastMs = Math.max(wait.lastMs, atMs)
  if (--wait.left > 0) return
  waiting.delete(token)
  // Later, so that telling of it takes no time from guards that have yet to hear of it.
  setTimeout(say, quietMs, { refused: token, lastMs: wait.lastMs })
}

async function start(options: FleetOptions, first: number, count: number): Promise<void> {
  guards = Array.from(
    { length: count },
    (_, i) => new WatchedGuard({ number: first + i, options, tokens, trail, onRefused: refused }),
  )
  const giveUpAt = Date.now() + freshWithinMs
  while (!guards.every(guard => guard.feed().fresh)) {
    if (Date.now() > giveUpAt) throw new Error('the guards do not get a feed')
    await delay(20)
  }
  let turn = 0
  setInterval(() => guards[turn++ % count]!.sample(tokens.length), options.sampleEveryMs / count).unref()
}

const certificates = new Map<string, Uint8Array>()
function derOf(pem: string): Uint8Array {
  const der = certificates.get(pem) ?? new X509Certificate(pem).raw
  certificates.set(pem, der)
  return der
}

async function learn(first: number, more: readonly HeldToken[]): Promise<void> {
  for (const [i, { token, certificatePem }] of more.entries()) {
    tokens[first + i] = { authorization: `Bearer ${token}`, certificate: derOf(certificatePem) }
    for (const guard of guards) {
      const outcome = await guard.look(first + i)
      if (outcome !== 'accepted') throw new Error(`a good token was not accepted: ${JSON.stringify(trail.reasons)}`)
    }
    // Streams are read between, whatever there is to verify.
    if (i % 5 === 4) await delay(0)
  }
}

/** share: of the tokens in turn, each guard watches every n-th. */
function watch(watched: readonly number[], share?: { readonly of: number }): void {
  const all = guards.map(guard => guard.feed().guard)
  for (const [i, token] of watched.entries()) {
    const by = guards.filter((_, g) => share === undefined || i % share.of === all[g]! % share.of)
    if (by.length === 0) continue
    waiting.set(token, { left: by.length, lastMs: 0 })
    for (const guard of by) guard.watch(token)
  }
}

const work: { readonly [O in Order['op']]: (order: Extract<Order, { op: O }>) => Answers[O] | Promise<Answers[O]> } = {
  start: ({ options, first, count }) => start(options, first, count) as Promise<undefined>,
  learn: ({ first, tokens: more }) => learn(first, more) as Promise<undefined>,
  watch: ({ tokens: watched, share }) => watch(watched, share) as undefined,
  look: async ({ tokens: looked }) => {
    for (const [i, token] of looked.entries()) {
      for (const guard of guards) await guard.look(token)
      if (i % 50 === 49) await delay(0)
    }
    return undefined
  },
  feeds: () => guards.map(guard => guard.feed()),
  history: () => ({ looks: toColumns(trail.looks), applied: trail.applied, reasons: trail.reasons }),
}

process.on('message', ({ id, order }: { id: number; order: Order }) => {
  Promise.resolve()
    .then(() => work[order.op](order as never))
    .then(
      result => say({ answerTo: id, result }),
      (error: Error) => say({ answerTo: id, problem: error.stack ?? error.message }),
    )
})
process.once('disconnect', () => process.exit()) // the parent is gone
