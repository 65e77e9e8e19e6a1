// The bench's handle on all processes of guards.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Applied, Look } from './history.ts'
import { type Answers, type FeedView, type FleetOptions, fromColumns, type HeldToken, type Note, type Order } from './protocol.ts'

export interface FleetHistory {
  readonly looks: Iterable<Look>
  readonly applied: readonly Applied[]
  readonly reasons: Readonly<Record<string, number>>
}

type Wait = { readonly resolve: (result: never) => void; readonly reject: (error: Error) => void }

class GuardProcess {
  readonly #child: ChildProcess
  readonly #asked = new Map<number, Wait>()
  #serial = 0

  constructor(onRefused: (token: number, lastMs: number) => void) {
    this.#child = fork(fileURLToPath(import.meta.resolve('./guard-process.ts')), { execArgv: [], serialization: 'advanced' })
    this.#child.on('message', (note: Note) => {
      if ('refused' in note) return onRefused(note.refused, note.lastMs)
      const wait = this.#asked.get(note.answerTo)
      this.#asked.delete(note.answerTo)
      if ('problem' in note) wait?.reject(new Error(note.problem))
      else wait?.resolve(note.result as never)
    })
    this.#child.once('exit', code => {
      for (const { reject } of this.#asked.values()) reject(new Error(`a process of guards ended with ${code}`))
    })
  }

  ask<O extends Order>(order: O): Promise<Answers[O['op']]> {
    const id = this.#serial++
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject })
      this.#child.send({ id, order })
    })
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

export class Fleet {
  readonly guards: number
  readonly #processes: readonly GuardProcess[]
  /** Processes that have yet to tell that all of their guards refused the token. */
  readonly #refusals = new Map<number, { left: number; lastMs: number; readonly resolve: (lastMs: number) => void }>()
  #known = 0

  private constructor(processes: number, perProcess: number) {
    this.guards = processes * perProcess
    this.#processes = Array.from({ length: processes }, () => new GuardProcess((token, lastMs) => this.#refused(token, lastMs)))
  }

  /** Resolves when every guard has its feed. */
  static async start(options: FleetOptions, processes: number, perProcess: number): Promise<Fleet> {
    const fleet = new Fleet(processes, perProcess)
    try {
      await Promise.all(
        fleet.#processes.map((each, i) => each.ask({ op: 'start', options, first: i * perProcess, count: perProcess })),
      )
      return fleet
    } catch (error) {
      await fleet.stop()
      throw error
    }
  }

  /** Every guard accepts each of these once. Returns their numbers. */
  async learn(tokens: readonly HeldToken[]): Promise<number[]> {
    const first = this.#known
    this.#known += tokens.length
    await this.#all({ op: 'learn', first, tokens })
    return tokens.map((_, i) => first + i)
  }

  /**
   * From now on all guards look at this token whenever they hear something. The inner promise resolves at the moment at which the last
   * guard has refused it.
   */
  async watch(token: number): Promise<{ readonly lastRefusal: Promise<number> }> {
    const lastRefusal = this.#expect(token, this.#processes.length)
    await this.#all({ op: 'watch', tokens: [token] })
    return { lastRefusal }
  }

  /** As `watch` for many, but each is watched by one guard of `guards`, so that together they watch all. */
  async watchShared(tokens: readonly number[]): Promise<{ readonly lastRefusal: Promise<number> }> {
    const all = tokens.map(token => this.#expect(token, 1))
    await this.#all({ op: 'watch', tokens, share: { of: this.guards } })
    return { lastRefusal: Promise.all(all).then(times => Math.max(...times)) }
  }

  /** Every guard looks once at each of these. */
  async look(tokens: readonly number[]): Promise<void> {
    await this.#all({ op: 'look', tokens })
  }

  async feeds(): Promise<FeedView[]> {
    return (await this.#all({ op: 'feeds' })).flat()
  }

  async history(): Promise<FleetHistory> {
    const parts = await this.#all({ op: 'history' })
    const reasons: Record<string, number> = {}
    for (const part of parts)
      for (const [reason, count] of Object.entries(part.reasons)) reasons[reason] = (reasons[reason] ?? 0) + count
    const looks = {
      *[Symbol.iterator]() {
        for (const part of parts) yield* fromColumns(part.looks)
      },
    }
    return { looks, applied: parts.flatMap(part => part.applied), reasons }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map(each => each.stop()))
  }

  #all<O extends Order>(order: O): Promise<Answers[O['op']][]> {
    return Promise.all(this.#processes.map(each => each.ask(order)))
  }

  #expect(token: number, processes: number): Promise<number> {
    return new Promise(resolve => this.#refusals.set(token, { left: processes, lastMs: 0, resolve }))
  }

  #refused(token: number, lastMs: number): void {
    const wait = this.#refusals.get(token)
    if (!wait) return
    wait.lastMs = Math.max(wait.lastMs, lastMs)
    if (--wait.left > 0) return
    this.#refusals.delete(token)
    wait.resolve(wait.lastMs)
  }
}
