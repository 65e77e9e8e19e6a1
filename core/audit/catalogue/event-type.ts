// What the catalogue says of a type of event. One row is its schema, its documentation, how long it is kept and how a SIEM is told.
//
// A row's version is raised when a fact gets another meaning or goes; a fact that is added is optional and raises nothing. Readers
// of entries of years ago find there what they may expect.

import type { Static, TObject } from 'typebox'

/**
 * How long the body is kept. The leaf stays for ever.
 *
 *   security   who changed what, who let it pass, what was revoked: the longest
 *   standard   the life of accounts and their tokens
 *   short      what comes in masses and tells of single requests
 */
export type RetentionClass = 'security' | 'standard' | 'short'

/** Where a party stands: a member of the leaf, of the body, or of what is sealed under the subject's key. */
export type Place = `leaf.${string}` | `facts.${string}` | `private.${string}`

/** The five parties of an event; those that do not apply are absent. More than one place: each says a part of it. */
export interface Parties {
  /** In whose name, or to whom, it was done. */
  readonly subject?: readonly Place[]
  /** Who did it, outermost first. */
  readonly actors?: readonly Place[]
  /** What was presented and verified. */
  readonly proof?: readonly Place[]
  /** Which configuration it was decided by, or made. */
  readonly policy?: readonly Place[]
  /** What was decided and why, beyond the type itself. */
  readonly decision?: readonly Place[]
}

/** `entity`: what it is about; its id stands at `at`. Class and activity as OCSF numbers them (`ocsf.ts`). */
export interface OcsfMapping {
  readonly class: 3002 | 3003 | 3004 | 6003
  readonly activity: number
  /** 1 informational, 2 low, 3 medium, 4 high; absent: 2 for a refusal, else 1. */
  readonly severity?: 1 | 2 | 3 | 4
  readonly entity?: { readonly type: string; readonly at: Place }
}

export interface EventType<F extends TObject = TObject, P extends TObject = TObject> {
  readonly version: number
  /** One sentence, past tense. */
  readonly about: string
  readonly facts: F
  /** What is sealed; absent: nothing is. Each member may be missing, and all are once the subject is forgotten. */
  readonly private?: P
  readonly retention: RetentionClass
  /** Where the type is a decision: what was decided. */
  readonly decision?: 'allow' | 'deny' | 'defer'
  readonly parties: Parties
  readonly ocsf: OcsfMapping
}

/** Keeps each row's own type, so that the types of facts follow from the table. */
export const defineEvents = <T extends Readonly<Record<string, EventType>>>(events: T): T => events

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T

/** What may be given as the facts of a type that has this row. */
export type FactsOfRow<R extends EventType> = Frozen<Static<R['facts']>>

/** What may be sealed with it. */
export type PrivateOfRow<R extends EventType> = R extends { readonly private: infer P extends TObject }
  ? Partial<Frozen<Static<P>>>
  : never
