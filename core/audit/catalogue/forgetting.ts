import { defineEvents, type OcsfMapping } from './event-type.ts'
import { actor, byOperator, count, facts, idOf, maybe, maybeActor, oneOf, text } from './fields.ts'

const ofLog = (activity: number): OcsfMapping => ({
  class: 3004,
  activity,
  severity: 3,
  entity: { type: 'audit log', at: 'leaf.tenant' },
})
const classes = ['security', 'standard', 'short'] as const
const hold = {
  ...actor,
  hold: idOf('legalHold'),
  kind: oneOf(['tenant', 'account', 'agent', 'person'], 'what it covers'),
  target: maybe(text('the account, agent or person')),
}

/** What the log forgets, and what it may not. Whoever is forgotten is named by random ids alone. */
export const forgettingEvents = defineEvents({
  'subject.erased': {
    version: 1,
    about: 'A person or a foreign subject was forgotten: the keys to what the log says of it are destroyed.',
    facts: facts({
      ...maybeActor,
      by: maybe(oneOf(['restore'], 'restore: done again, after a backup had brought it back')),
      erasure: idOf('erasure'),
      keys: count('keys that were destroyed'),
      people: count('people whose names were taken away'),
    }),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.erasure'] },
    ocsf: ofLog(4),
  },
  'subject.erasure_finished': {
    version: 1,
    about: 'Nothing is left in the log of what the destroyed keys had sealed.',
    facts: facts({ erasure: idOf('erasure'), bodies: count('bodies that were deleted; their leaves stay') }),
    retention: 'security',
    parties: { subject: ['facts.erasure'] },
    ocsf: ofLog(4),
  },
  'retention.changed': {
    version: 1,
    about: 'Somebody said how long bodies of a tenant’s log stay.',
    facts: facts({
      ...actor,
      security: maybe(count('months; absent: as the deployment does')),
      standard: maybe(count('months')),
      short: maybe(count('months')),
    }),
    retention: 'security',
    parties: { ...byOperator, subject: ['leaf.tenant'] },
    ocsf: ofLog(3),
  },
  'retention.dropped': {
    version: 1,
    about: 'Bodies whose time was over went; their leaves stay.',
    facts: facts({
      class: oneOf(classes),
      month: text('YYYY-MM, in which they were written'),
      bodies: maybe(count('how many; absent: the whole month')),
    }),
    retention: 'security',
    parties: { subject: ['facts.class', 'facts.month'] },
    ocsf: ofLog(4),
  },
  'legal_hold.placed': {
    version: 1,
    about: 'A legal hold began: what it covers is neither erased nor dropped.',
    facts: facts(hold),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.target'] },
    ocsf: ofLog(1),
  },
  'legal_hold.lifted': {
    version: 1,
    about: 'A legal hold ended.',
    facts: facts(hold),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.target'] },
    ocsf: ofLog(4),
  },
})
