// What the bench and a process of guards say to each other over the pipe between them.

import type { Applied, Look, Outcome } from './history.ts'

export interface FleetOptions {
  readonly issuer: string
  readonly resource: string
  readonly credential: string
  readonly caPem: string
  readonly maxStaleSeconds: number
  /** Each guard looks at a token it knows this often, whether or not anything came. */
  readonly sampleEveryMs: number
}

/** A token, and the certificate (PEM) of the agent that presents it. */
export interface HeldToken {
  readonly token: string
  readonly certificatePem: string
}

export type Order =
  | { readonly op: 'start'; readonly options: FleetOptions; readonly first: number; readonly count: number }
  /** Tokens from number `first` on: each guard verifies each of them and must accept it. */
  | { readonly op: 'learn'; readonly first: number; readonly tokens: readonly HeldToken[] }
  /** These guards look at these tokens whenever something comes, until they refuse them. `guards` omitted: all of the process. */
  | { readonly op: 'watch'; readonly tokens: readonly number[]; readonly share?: { readonly of: number } }
  /** Every guard looks at every one of these tokens once. */
  | { readonly op: 'look'; readonly tokens: readonly number[] }
  | { readonly op: 'feeds' }
  | { readonly op: 'history' }

export interface FeedView {
  readonly guard: number
  readonly epoch: number
  readonly fresh: boolean
  readonly snapshots: number
  readonly gaps: number
}

export interface LookColumns {
  readonly guard: Uint16Array
  readonly token: Uint32Array
  readonly startedMs: Float64Array
  readonly endedMs: Float64Array
  readonly outcome: Uint8Array
}

export interface Answers {
  start: undefined
  learn: undefined
  watch: undefined
  look: undefined
  feeds: FeedView[]
  history: { readonly looks: LookColumns; readonly applied: Applied[]; readonly reasons: Record<string, number> }
}

export type Note =
  | { readonly answerTo: number; readonly result: unknown }
  | { readonly answerTo: number; readonly problem: string }
  /** All guards of the process that watched this token have refused it; the last of them at that moment. */
  | { readonly refused: number; readonly lastMs: number }

export const outcomes = ['accepted', 'revoked', 'unavailable', 'other'] as const satisfies Outcome[]

/** Looks as columns: a million of them pass through a pipe in one message. */
export function toColumns(looks: readonly Look[]): LookColumns {
  return {
    guard: Uint16Array.from(looks, look => look.guard),
    token: Uint32Array.from(looks, look => look.token),
    startedMs: Float64Array.from(looks, look => look.startedMs),
    endedMs: Float64Array.from(looks, look => look.endedMs),
    outcome: Uint8Array.from(looks, look => outcomes.indexOf(look.outcome)),
  }
}

export function* fromColumns({ guard, token, startedMs, endedMs, outcome }: LookColumns): Generator<Look> {
  for (let i = 0; i < guard.length; i++)
    yield {
      guard: guard[i]!,
      token: token[i]!,
      startedMs: startedMs[i]!,
      endedMs: endedMs[i]!,
      outcome: outcomes[outcome[i]!]!,
    }
}
