import { Type } from 'typebox'
import { defineEvents, type OcsfMapping, type Place } from './event-type.ts'
import { actor, byOperator, count, facts, flag, idOf, maybe, maybeActor, oneOf, text, word } from './fields.ts'

const entity = (type: string, at: Place, activity: number): OcsfMapping => ({ class: 3004, activity, entity: { type, at } })
const logon = (activity: number): OcsfMapping => ({ class: 3002, activity })

const credential = {
  ...maybeActor,
  credential: idOf('credential'),
  kind: oneOf(['operator', 'resource']),
  role: maybe(Type.Union([word('a role'), Type.Null()], { description: 'the role that it gives' })),
  resource: maybe(idOf('resource', 'that it speaks for')),
}
const provider = (about: string, activity: number) =>
  ({
    version: 1,
    about,
    facts: facts({
      ...actor,
      provider: idOf('signInProvider'),
      client_secret: maybe(flag('whether it has a client secret from now on')),
      sessions_ended: maybe(count('sessions that ended with it')),
    }),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.provider'] },
    ocsf: entity('sign-in provider', 'facts.provider', activity),
  }) as const

const change = { change: idOf('change'), class: maybe(word('what kind of change it is')), operation: maybe(text('which call')) }
const decided = {
  ...actor,
  ...change,
  proposed_by: maybe(idOf('credential')),
  proposed_by_person: maybe(idOf('person')),
}
const decidedParties = { ...byOperator, subject: ['facts.change', 'facts.proposed_by_person', 'facts.proposed_by'] } as const

/** People and their credentials, and what needs two of them. */
export const operatorEvents = defineEvents({
  'bootstrap.offered': {
    version: 1,
    about: 'A bootstrap token was made, for a deployment without operators; an earlier one ended.',
    facts: facts({}),
    retention: 'security',
    parties: {},
    ocsf: entity('deployment', 'leaf.id', 1),
  },
  'bootstrap.redeemed': {
    version: 1,
    about: 'The bootstrap token was used: the first operators exist.',
    facts: facts({ operators: Type.Array(idOf('credential')) }),
    retention: 'security',
    parties: { subject: ['facts.operators'] },
    ocsf: entity('tenant', 'leaf.tenant', 1),
  },
  'credential.created': {
    version: 1,
    about: 'An operator’s token, or a resource’s credential, was made.',
    facts: facts(credential),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.credential'] },
    ocsf: entity('credential', 'facts.credential', 1),
  },
  'credential.revoked': {
    version: 1,
    about: 'An operator’s token, or a resource’s credential, was ended.',
    facts: facts(credential),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.credential'] },
    ocsf: entity('credential', 'facts.credential', 4),
  },
  'sign_in_provider.created': provider('People may sign in through a provider.', 1),
  'sign_in_provider.changed': provider('A sign-in provider was changed.', 3),
  'sign_in_provider.deleted': provider('A sign-in provider was deleted.', 4),
  'session.opened': {
    version: 1,
    about: 'A person signed in.',
    facts: facts({
      actor_person: idOf('person'),
      credential: idOf('credential', 'the session'),
      kind: maybe(oneOf(['console'], 'absent: on the command line')),
      provider: idOf('signInProvider'),
      role: Type.Union([Type.String(), Type.Null()], { description: 'null: only what it owns itself' }),
    }),
    retention: 'security',
    decision: 'allow',
    parties: {
      subject: ['facts.actor_person'],
      actors: ['facts.actor_person'],
      proof: ['facts.provider'],
      decision: ['facts.role'],
    },
    ocsf: logon(1),
  },
  'session.refused': {
    version: 1,
    about: 'A person signed in whom no group gives a role.',
    facts: facts({ actor_person: idOf('person'), provider: idOf('signInProvider') }),
    retention: 'security',
    decision: 'deny',
    parties: { subject: ['facts.actor_person'], actors: ['facts.actor_person'], proof: ['facts.provider'] },
    ocsf: logon(1),
  },
  'session.ended': {
    version: 1,
    about: 'A person signed out.',
    facts: facts({
      actor: idOf('credential', 'the session'),
      actor_role: maybe(word('its role')),
      actor_person: maybe(idOf('person')),
      kind: maybe(oneOf(['console'])),
    }),
    retention: 'security',
    parties: { subject: ['facts.actor_person'], actors: ['facts.actor_person'], proof: ['facts.actor'] },
    ocsf: logon(2),
  },
  'person.signed_out': {
    version: 1,
    about: 'Somebody ended every session and token of a person who leaves.',
    facts: facts({ ...actor, person: idOf('person'), ended: count('sessions and tokens') }),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.person'] },
    ocsf: entity('person', 'facts.person', 9),
  },
  'operator.refused': {
    version: 1,
    about:
      'An operator was refused: its role does not allow the call, or what it asked for is not its own; at most one entry a minute for each credential, call and reason, and twenty more for other targets.',
    facts: facts({
      ...actor,
      operation: text('the call: method and route'),
      reason: word('`role`, or the code of the answer; `not_found`: it is not there, or not for this operator'),
      target: maybe(word('the id that it named: a tenant, an account')),
    }),
    retention: 'security',
    decision: 'deny',
    parties: { ...byOperator, subject: ['facts.actor_person', 'facts.actor'], decision: ['facts.operation', 'facts.reason'] },
    ocsf: { class: 6003, activity: 99 },
  },
  'two_person.changed': {
    version: 1,
    about: 'Somebody said which changes need two people.',
    facts: facts({ ...actor, classes: Type.Array(Type.String()) }),
    retention: 'security',
    parties: { ...byOperator, subject: ['leaf.tenant'] },
    ocsf: entity('tenant', 'leaf.tenant', 3),
  },
  'change.proposed': {
    version: 1,
    about: 'A change waits for a second person.',
    facts: facts({ ...actor, ...change }),
    retention: 'security',
    decision: 'defer',
    parties: { ...byOperator, subject: ['facts.change'] },
    ocsf: entity('change', 'facts.change', 1),
  },
  'change.approved': {
    version: 1,
    about: 'A second person approved a change.',
    facts: facts(decided),
    retention: 'security',
    decision: 'allow',
    parties: decidedParties,
    ocsf: entity('change', 'facts.change', 3),
  },
  'change.rejected': {
    version: 1,
    about: 'A change was refused, or taken back by the one who proposed it.',
    facts: facts({ ...decided, withdrawn: flag('by the one who proposed it') }),
    retention: 'security',
    decision: 'deny',
    parties: decidedParties,
    ocsf: entity('change', 'facts.change', 4),
  },
  'change.break_glass': {
    version: 1,
    about: 'Somebody made a change that waited without a second person, and says why.',
    facts: facts(decided),
    retention: 'security',
    decision: 'allow',
    parties: decidedParties,
    ocsf: entity('change', 'facts.change', 3),
  },
})
