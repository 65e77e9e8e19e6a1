// What facts are made of. All of it is ours: random ids, words, numbers. Nothing here may name or describe a person or an object of
// the outside; that belongs to a row's `private`.

import { type Static, type TEnum, type TProperties, type TSchema, Type } from 'typebox'
import { type IdKind, idPrefixes } from '#core/ids/id.ts'

/** An object with these members and no others. */
export const facts = <P extends TProperties>(members: P) => Type.Object(members, { additionalProperties: false })

export const maybe = <S extends TSchema>(schema: S) => Type.Optional(schema)

/** `agt_…` */
export const idOf = (kind: IdKind, description?: string) =>
  Type.String({ pattern: `^${idPrefixes[kind]}_[0-9a-z]{20,40}$`, ...(description !== undefined && { description }) })

export const uuid = (description: string) => Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', description })

/** A word of ours: a reason, a kind. */
export const word = (description: string) => Type.String({ pattern: '^[A-Za-z0-9_.:@/,# -]{1,128}$', description })

export const oneOf = <V extends string>(values: readonly V[], description?: string): TEnum<V[]> =>
  Type.Enum<V[]>([...values], description === undefined ? {} : { description })

export const count = (description: string) => Type.Integer({ minimum: 0, description })
export const amount = (description: string) => Type.Number({ minimum: 0, description })
export const seconds = (description: string) => Type.Number({ description: `${description}, seconds since the epoch` })
export const flag = (description: string) => Type.Boolean({ description })
/** base64url of SHA-256. */
export const sha256 = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: `SHA-256: ${description}` })
export const text = (description: string) => Type.String({ maxLength: 4096, description })

/** The number of the configuration that it was decided by. */
export const decidedBy = { config_epoch: count('the tenant’s configuration that it was decided by') }

/** `recordEvent` adds it where the type says so. */
export const madePolicy = { config_epoch: maybe(count('the tenant’s configuration from this event on')) }

/** `actorFacts`: who did it, and who let it pass. */
export const actor = {
  actor: idOf('credential', 'the credential of who did it'),
  actor_role: word('its role'),
  actor_person: maybe(idOf('person', 'who had signed in, or made the token')),
  change: maybe(idOf('change', 'the change that waited for a second person')),
  approved_by: maybe(idOf('credential', 'the credential of who approved it')),
  approved_by_person: maybe(idOf('person', 'who approved it')),
}

/** `sessionFacts`: somebody in a browser. */
export const visitor = {
  actor: idOf('credential', 'the session'),
  actor_person: idOf('person', 'who had signed in'),
}

/** Both, where either may do it, or nobody but the deployment itself. */
export const maybeActor = {
  actor: maybe(actor.actor),
  actor_role: maybe(actor.actor_role),
  actor_person: actor.actor_person,
  change: actor.change,
  approved_by: actor.approved_by,
  approved_by_person: actor.approved_by_person,
}

/** Whoever it was: an operator, an agent by its token, or a part of Mayfly. */
export const who = {
  ...maybeActor,
  by: maybe(oneOf(['operator', 'agent', 'ancestor', 'schedule', 'enrolment', 'restore'], 'in which capacity')),
  token: maybe(text('`jti` of the token that the agent showed')),
}
const whoShape = facts(who)
const actorShape = facts(actor)
const visitorShape = facts(visitor)

export type WhoFacts = Readonly<Static<typeof whoShape>>
export type ActorFacts = Readonly<Static<typeof actorShape>>
export type VisitorFacts = Readonly<Static<typeof visitorShape>>

/** Parties of what an operator did. */
export const byOperator = {
  actors: ['facts.actor_person', 'facts.actor', 'facts.actor_role'],
  proof: ['facts.actor'],
  decision: ['facts.change', 'facts.approved_by_person', 'facts.approved_by'],
} as const

/** Parties of what somebody did in a browser. */
export const byVisitor = { actors: ['facts.actor_person'], proof: ['facts.actor'] } as const
