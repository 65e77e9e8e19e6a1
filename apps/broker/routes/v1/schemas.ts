// Pieces that several bodies and answers are made of. Every object is closed: a member that is not known is an error, so
// that a misspelt one never silently leaves a rule out.

import { type TSchema, Type } from 'typebox'
import { type IdKind, idPrefixes } from '#core/ids/id.ts'
import { Problem } from '../../http/problem.ts'

export const closed = { additionalProperties: false } as const

/**
 * No control, format, direction or invisible characters: names are shown to people and written to logs. Whole classes of Unicode, so that
 * tags (U+E0000…), fillers and variation selectors, which hide text in a name that looks like another, are among them.
 */
const VISIBLE = '^[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}]+$'

export const Name = Type.String({
  minLength: 1,
  maxLength: 120,
  pattern: VISIBLE,
  description: 'For people; unique among its kind in the tenant.',
})
export const Text = (description: string, maxLength = 500, minLength = 1) =>
  Type.String({ minLength, maxLength, pattern: VISIBLE, description })
export const Uri = (description: string) => Type.String({ minLength: 1, maxLength: 500, description })
export const Slug = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  description: "Stands in the tenant's issuer: /t/<slug>.",
})
export const Time = Type.String({ description: 'RFC 3339, UTC.' })

/** Shown only while it is so. */
export const SuspendedAt = Type.Optional(
  Type.String({ description: 'Since when it gets nothing new, until it is reinstated. RFC 3339, UTC.' }),
)

export const Id = (kind: IdKind, description?: string) =>
  Type.String({ pattern: `^${idPrefixes[kind]}_[0-9a-f]{32}$`, ...(description && { description }) })

export const TenantOrNone = Type.Union([Id('tenant'), Type.Null()], { description: 'null: the whole deployment.' })

export const Scope = Type.String({ maxLength: 4096, description: 'Scope tokens, separated by single spaces (RFC 6749 § 3.3).' })
export const Details = Type.Array(Type.Object({ type: Type.String() }, { additionalProperties: true }), {
  maxItems: 64,
  description: 'RFC 9396 entries; each type publishes its schema.',
})

export const TtlSeconds = (maximum: number, standard: number, description: string) =>
  Type.Integer({ minimum: 60, maximum, default: standard, description })

/** For `schema.params`. */
export const IdParams = (kind: IdKind) => Type.Object({ id: Id(kind) }, closed)

export const PageQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'next_cursor of the page before.' })),
  },
  closed,
)

export const PageOf = <T extends TSchema>(item: T) =>
  Type.Object(
    { items: Type.Array(item), next_cursor: Type.Optional(Type.String({ description: 'Missing on the last page.' })) },
    closed,
  )

const problem = (description: string) => ({ description, content: { 'application/problem+json': { schema: Problem } } })

/** Answers that every route may give beside its own. */
export const problems = {
  '4xx': problem('Refused; the problem says why and what to do.'),
  '5xx': problem('The broker cannot answer now.'),
} as const

export const operatorSecurity = [{ operator: [] }]

export const IdempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description: 'A quoted string; the same key with the same body does the work once, for 24 hours.',
      examples: ['"8e03978e-40d5-43e8-bc93-6894a57f9324"'],
    }),
  ),
})
