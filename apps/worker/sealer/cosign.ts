// Where witnesses come in: after a checkpoint is signed and before it is published, others may put their signatures under it.

import type { Checkpoint } from '#core/tlog/checkpoint.ts'

export interface CosignRequest {
  readonly checkpoint: Checkpoint
  /** The note, signed by the log. */
  readonly note: string
  /** Key ids of witnesses that have cosigned this very checkpoint; they are not asked again. */
  readonly without?: readonly string[]
  /** Proof that the checkpoint's tree begins with the one of `oldSize` entries. Throws RangeError when that is larger. */
  prove(oldSize: number): Promise<Buffer[]>
}

export interface WitnessState {
  readonly name: string
  /** Of the last tree that it has cosigned; 0: none yet. */
  readonly size: number
  /** Why it did not cosign this one. */
  readonly fault?: string
}

export interface Cosignatures {
  /** Signature lines, each with its newline. */
  readonly lines: readonly string[]
  readonly witnesses: readonly WitnessState[]
}

/** Never rejects, and answers within a bound of its own: a witness that is away delays nothing beyond it. */
export type Cosign = (request: CosignRequest) => Promise<Cosignatures>

export const withoutWitnesses: Cosign = async () => ({ lines: [], witnesses: [] })
