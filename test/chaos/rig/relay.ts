// A wire that can be cut: TCP connections to one loopback port are passed on to one of several others, in turn. Whatever goes
// through it is not looked at, so TLS and PostgreSQL's protocol pass alike.

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class Relay {
  readonly port: number
  readonly #server: Server
  #targets: readonly number[]
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #state: 'whole' | 'silent' | 'cut' = 'whole'
  #next = 0
  /** How many connections each target was given. */
  passed: number[]

  private constructor(server: Server, targets: readonly number[]) {
    this.#server = server
    this.#targets = targets
    this.port = (server.address() as AddressInfo).port
    this.passed = targets.map(() => 0)
  }

  /** port: where to listen; a free one if not given. */
  static async start(targets: readonly number[], port = 0): Promise<Relay> {
    let relay: Relay | undefined
    // Half-open connections are passed on as they are.
    const server = createServer({ allowHalfOpen: true }, socket => relay!.#take(socket))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
    relay = new Relay(server, targets)
    return relay
  }

  get open(): number {
    return this.#pairs.size
  }

  #take(near: Socket): void {
    if (this.#state === 'cut') {
      near.resetAndDestroy()
      return
    }
    const target = this.#next++ % this.#targets.length
    this.passed[target]!++
    const far = connect({ port: this.#targets[target]!, host: '127.0.0.1', allowHalfOpen: true })
    const pair = [near, far] as const
    this.#pairs.add(pair)
    for (const [from, to] of [pair, pair.toReversed() as unknown as typeof pair]) {
      from.setNoDelay(true)
      from.on('error', () => this.#drop(pair))
      from.on('close', () => this.#drop(pair))
      from.pipe(to)
    }
    if (this.#state === 'silent') for (const socket of pair) socket.pause()
  }

  #drop(pair: readonly [Socket, Socket]): void {
    this.#pairs.delete(pair)
    for (const socket of pair) socket.destroy()
  }

  /** From now on nothing arrives, in either direction, and nobody is told: what a partition looks like. */
  silence(): void {
    this.#state = 'silent'
    for (const pair of this.#pairs)
      for (const socket of pair) {
        socket.unpipe()
        socket.pause()
      }
  }

  /** New connections go there from now on; those that are open are ended. */
  leadTo(targets: readonly number[]): void {
    this.#targets = targets
    this.passed = targets.map(() => 0)
    this.reset()
  }

  /** Ends what is open by a reset, and what comes from now on. */
  cut(): void {
    this.#state = 'cut'
    this.reset()
  }

  /** Ends what is open by a reset; whoever comes again is let through. */
  reset(): void {
    for (const pair of [...this.#pairs]) {
      for (const socket of pair) socket.resetAndDestroy()
      this.#drop(pair)
    }
  }

  /** Lets everything through again. What was held back during the silence arrives late, as on a real wire. */
  mend(): void {
    this.#state = 'whole'
    for (const [near, far] of this.#pairs) {
      near.pipe(far)
      far.pipe(near)
    }
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise(resolve => this.#server.close(resolve))
  }
}
