import type { Percentiles } from '../statistics.ts'
import type { ClosedLoop } from './closed-loop.ts'
import type { OpenLoop } from './open-loop.ts'

/** What the load process is told. */
export interface LoadJob {
  trafficModule: string
  trafficOptions: unknown
  plan: ClosedLoop | OpenLoop
  /** The index of the first request. */
  first: number
}

/** What it answers. */
export interface LoadResult {
  /** Answers that verified, per second of the measured time. */
  tokensPerSecond: number
  counted: number
  sent: number
  latencyMs: Percentiles
  /** How late the generator sent; all 0 in a closed loop. */
  lagMs: Percentiles
  signaturesVerified: number
  /** Answers that did not verify, and requests without an answer. */
  failed: number
  reasons: string[]
  generatorShare: number
}
