// What a verification says.

import type { TokenResult } from './check-tokens.ts'

export type FindingKind =
  /** An entry was changed, removed, put in, moved. */
  | 'changed'
  | 'missing'
  | 'inserted'
  | 'moved'
  /** A hash tile does not go with the entries, which are as they were signed. */
  | 'tile'
  /** What is there goes together, but is not what was signed. */
  | 'history'
  /** A body is not the one that its entry commits to, or stands where none can. */
  | 'body'
  /** A signature or a key. */
  | 'signature'
  /** An older checkpoint is of another history, or of a longer one. */
  | 'checkpoint'
  | 'token'
  /** A file of the export is missing, or is not what it must be. */
  | 'file'

export interface Finding {
  readonly kind: FindingKind
  /** Position of the entry that it is about; the first of several. */
  readonly index?: number
  /** A sentence for people. */
  readonly text: string
}

export interface Report {
  readonly isValid: boolean
  readonly origin: string
  /** Entries of the log at the checkpoint. */
  readonly size: number
  /** Base64, as in the checkpoint. */
  readonly root: string
  /** Entries that were hashed. */
  readonly entries: number
  readonly bodies: { readonly checked: number; readonly absent: number }
  /** Verifier keys of the log that signed the checkpoint. */
  readonly signedBy: readonly string[]
  /** Whether those keys were named by whoever verifies, and not only by the export itself. */
  readonly isKeyPinned: boolean
  /** timestamp: seconds since the epoch. isKeyPinned: as above; whoever makes an export can make a witness of any name with it. */
  readonly witnesses: readonly { readonly name: string; readonly timestamp: number | undefined; readonly isKeyPinned: boolean }[]
  /** Older checkpoints that this history goes on from. */
  readonly olderCheckpoints: number
  readonly tokens: readonly TokenResult[]
  /** At most `findingsMax`; empty when everything holds. */
  readonly findings: readonly Finding[]
  /** How many more there are. */
  readonly moreFindings: number
}

export const findingsMax = 100

/** Keeps the first findings and counts the others. */
export class Findings {
  readonly #list: Finding[] = []
  #more = 0

  add(kind: FindingKind, text: string, index?: number): void {
    if (this.#list.length < findingsMax) this.#list.push({ kind, text, ...(index !== undefined && { index }) })
    else this.#more++
  }

  get list(): readonly Finding[] {
    return this.#list
  }

  get more(): number {
    return this.#more
  }
}
