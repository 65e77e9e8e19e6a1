// What every type of authorization detail (RFC 9396) gives: one data row, listed in `types.ts`. All code that handles
// permissions works on these rows; nothing outside a row knows a type by name.

/** A value or a sentence that says why not. Sentences hold only characters that `error_description` may (RFC 6749 § 5.2). */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string }

export const accept = <T>(value: T): Outcome<T> => ({ ok: true, value })
export const refuse = (reason: string): { readonly ok: false; readonly reason: string } => ({ ok: false, reason })

/** Bounds of every list and text inside a permission, of the entries and of the scopes. */
export const MAX_ENTRIES = 64
export const MAX_CHARS = 2048

/** A published JSON Schema of one type, served at `/schemas/authorization-details/<type>.json`. */
export interface DetailSchema {
  readonly $schema: 'https://json-schema.org/draft/2020-12/schema'
  readonly title: string
  readonly description: string
  readonly type: 'object'
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly required: readonly string[]
  readonly additionalProperties: false
}

export type RawDetail = Readonly<Record<string, unknown>>

/**
 * One type of authorization detail.
 *
 * `D` is the normal form, with its members in UTF-16 code unit order. `R` is a live request, in the words of a guard.
 * Laws, tested by property: `normalise` is idempotent; `subset` is reflexive and transitive; when `subset(a, b)`, every
 * request that matches `a` matches `b`.
 */
export interface PermissionType<D extends { readonly type: string }, R> {
  readonly type: D['type']
  readonly schema: DetailSchema
  /** The normal form of an entry whose `type` is already known to be this one, or why it is none. */
  normalise(raw: RawDetail): Outcome<D>
  /** Whether whoever holds `b` may hold `a`: constraints may be added, never dropped or changed. */
  subset(a: D, b: D): boolean
  /** Whether this entry allows that live request. The reference for what guards enforce. */
  matches(detail: D, request: R): boolean
  /** One sentence for a human, without a full stop. */
  describe(detail: D): string
}
