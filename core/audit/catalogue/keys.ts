import { Type } from 'typebox'
import { defineEvents, type OcsfMapping } from './event-type.ts'
import { byOperator, count, facts, idOf, madePolicy, maybe, maybeActor, text, who, word } from './fields.ts'

const policy = ['facts.config_epoch'] as const
const ocsf = (activity: number): OcsfMapping => ({ class: 3004, activity, entity: { type: 'key', at: 'facts.kid' } })
const base = {
  ...who,
  ...madePolicy,
  alg: maybe(word('its algorithm')),
  kid: text('the key'),
}

const step = (about: string, activity: number) =>
  ({
    version: 1,
    about,
    facts: facts(base),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.kid'], policy },
    ocsf: ocsf(activity),
  }) as const
const created = (about: string) => ({
  ...step(about, 1),
  facts: facts({ ...base, trust_source: maybe(idOf('trustSource', 'that it certifies for')) }),
})
const activated = (about: string) => ({
  ...step(about, 10),
  facts: facts({ ...base, retiring: maybe(text('the key before it, which is only published now')) }),
})
const replaced = (about: string) => ({
  ...step(about, 3),
  facts: facts({ ...base, retired: Type.Array(Type.String(), { description: 'keys that are worth nothing any more' }) }),
})

/** Keys that sign tokens and certificates, and the one that encrypts what lies in the database. */
export const keyEvents = defineEvents({
  'signing_key.created': created('A tenant got a key that signs.'),
  'signing_key.published': step('A key was published that will sign later.', 1),
  'signing_key.activated': activated('A published key signs from now on.'),
  'signing_key.retired': step('A key is not published any more.', 11),
  'signing_key.replaced': replaced('In an emergency every key of an algorithm was replaced.'),
  'ca_key.created': created('A tenant’s CA got a key.'),
  'ca_key.published': step('A CA key was published that will certify later.', 1),
  'ca_key.activated': activated('A published CA key certifies from now on.'),
  'ca_key.retired': step('A CA key is not trusted any more.', 11),
  'ca_key.replaced': replaced('In an emergency every CA key was replaced.'),
  'keys.rewrap_requested': {
    version: 1,
    about: 'Somebody ordered that all be sealed under the current key-encryption key.',
    facts: facts({ ...maybeActor, to: text('id of the key-encryption key') }),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.to'] },
    ocsf: { class: 3004, activity: 3, entity: { type: 'key', at: 'facts.to' } },
  },
  'keys.rewrapped': {
    version: 1,
    about: 'Rows were sealed under the current key-encryption key.',
    facts: facts({ table: text('where'), count: count('rows'), to: text('id of the key-encryption key') }),
    retention: 'security',
    parties: { subject: ['facts.to'] },
    ocsf: { class: 3004, activity: 3, entity: { type: 'key', at: 'facts.to' } },
  },
})
