import { Type } from 'typebox'
import { defineEvents, type OcsfMapping, type Place } from './event-type.ts'
import { actor, byOperator, count, facts, flag, idOf, maybe, maybeActor, seconds, text, who, word } from './fields.ts'

const entity = (type: string, at: Place, activity: number): OcsfMapping => ({ class: 3004, activity, entity: { type, at } })

const registered = <K extends 'connector' | 'webhook'>(kind: K, about: string, activity: number) =>
  ({
    version: 1,
    about,
    facts: facts({ ...actor, [kind]: idOf(kind) } as typeof actor & Record<K, ReturnType<typeof idOf>>),
    retention: 'security',
    parties: { ...byOperator, subject: [`facts.${kind}`] },
    ocsf: entity(kind, `facts.${kind}`, activity),
  }) as const

const destroyed = Type.Object({ what: Type.String(), count: Type.Number(), bytes: maybe(Type.Number()) })
const attached = {
  attachment: idOf('attachment'),
  connector: idOf('connector'),
  rotation: count('how often its access was made anew'),
}
const attachment = (about: string, activity: number) =>
  ({
    version: 1,
    about,
    retention: 'security',
    parties: { subject: ['leaf.account', 'facts.attachment'], actors: ['leaf.agent'], decision: ['facts.why'] },
    ocsf: entity('attachment', 'facts.attachment', activity),
  }) as const
const provision = facts({
  ...attached,
  ...who,
  sealed: maybe(flag('whether the access was encrypted to its holder’s key')),
  deadline: maybe(seconds('until when')),
})
const provided = {
  facts: provision,
  decision: 'allow',
  parties: {
    subject: ['leaf.account', 'facts.attachment'],
    actors: ['facts.actor_person', 'facts.actor', 'leaf.agent'],
    proof: ['facts.token', 'facts.actor'],
  },
} as const
const why = Type.Union([Type.String(), Type.Null()], { description: 'what ended it' })
const gone = facts({
  ...attached,
  why,
  destroyed: Type.Array(destroyed, { description: 'what was destroyed' }),
  remained: Type.Array(destroyed, { description: 'what could not be' }),
  attempts: count('failed attempts before'),
})

const receiver = (about: string, activity: number) =>
  ({
    version: 1,
    about,
    facts: facts({ ...actor, receiver: idOf('receiver') }),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.receiver'] },
    ocsf: entity('receiver', 'facts.receiver', activity),
  }) as const
const stream = (about: string, activity: number) =>
  ({
    version: 1,
    about,
    facts: facts({ receiver: idOf('receiver'), stream: idOf('stream') }),
    retention: 'security',
    parties: { subject: ['facts.stream'], actors: ['facts.receiver'] },
    ocsf: entity('stream', 'facts.stream', activity),
  }) as const

const letter = (about: string) =>
  ({
    version: 1,
    about,
    facts: facts({ ...actor, stream: idOf('stream'), dead_letter: idOf('deadLetter') }),
    retention: 'standard',
    parties: { ...byOperator, subject: ['facts.dead_letter'] },
    ocsf: entity('stream', 'facts.stream', 99),
  }) as const

/** What is made outside for accounts, and who is told what becomes of them. */
export const outsideEvents = defineEvents({
  'connector.created': registered('connector', 'A connector was registered.', 1),
  'connector.changed': registered('connector', 'A connector was replaced.', 3),
  'connector.deleted': registered('connector', 'A connector was deleted.', 4),
  'attachment.created': { ...attachment('An account got something outside.', 1), ...provided },
  'attachment.rotated': { ...attachment('Its access was made anew.', 3), ...provided },
  'attachment.locked': {
    ...attachment('Nobody gets in any more; what is in it stays for now.', 9),
    facts: facts({ ...attached, why: Type.String(), kept_seconds: maybe(count('how long it stays')) }),
  },
  'attachment.torn_down': { ...attachment('It was destroyed: a teardown receipt.', 4), facts: gone },
  'attachment.abandoned': { ...attachment('It was made half, and what there was of it was destroyed.', 4), facts: gone },
  'attachment.detached': {
    ...attachment('Somebody had it taken down before its account ended.', 4),
    facts: facts({ ...attached, ...who }),
    parties: {
      subject: ['leaf.account', 'facts.attachment'],
      actors: ['facts.actor_person', 'facts.actor', 'leaf.agent'],
      proof: ['facts.token', 'facts.actor'],
    },
  },
  'attachment.parked': {
    ...attachment('Taking it down failed again and again; somebody must look.', 99),
    facts: facts({ ...attached, why, failed: word('how'), attempts: count('so far') }),
  },
  'attachment.retried': {
    ...attachment('An operator had it tried again at once.', 99),
    facts: facts({ ...attached, ...actor }),
    parties: { ...byOperator, subject: ['leaf.account', 'facts.attachment'] },
  },
  'webhook.created': registered('webhook', 'A webhook was registered.', 1),
  'webhook.changed': registered('webhook', 'A webhook was replaced.', 3),
  'webhook.deleted': registered('webhook', 'A webhook was deleted, with what it had not delivered.', 4),
  'webhook.parked': {
    version: 1,
    about: 'A message was not delivered for days and is set aside.',
    facts: facts({
      webhook: idOf('webhook'),
      message: idOf('message'),
      status: Type.Union([Type.Integer(), Type.Null()], { description: 'of the last answer' }),
      failure: maybe(text('where there was none')),
      attempts: count('so far'),
    }),
    retention: 'standard',
    parties: { subject: ['facts.message'], actors: ['facts.webhook'], decision: ['facts.status', 'facts.failure'] },
    ocsf: entity('webhook', 'facts.webhook', 99),
  },
  'webhook.redelivered': {
    version: 1,
    about: 'An operator had one message sent again.',
    facts: facts({ ...actor, webhook: idOf('webhook'), message: idOf('message') }),
    retention: 'standard',
    parties: { ...byOperator, subject: ['facts.message'] },
    ocsf: entity('webhook', 'facts.webhook', 99),
  },
  'receiver.created': receiver('A receiver of security events was registered.', 1),
  'receiver.deleted': receiver('A receiver of security events was deleted, with its streams.', 4),
  'receiver.token_renewed': receiver('A receiver’s credential was renewed.', 3),
  'stream.created': stream('A receiver made a stream of security events.', 1),
  'stream.changed': stream('A receiver changed its stream.', 3),
  'stream.deleted': stream('A receiver deleted its stream.', 4),
  'stream.status_changed': {
    ...stream('A stream was stopped, paused or started.', 3),
    facts: facts({
      ...maybeActor,
      receiver: maybe(idOf('receiver')),
      stream: idOf('stream'),
      from: word('its status before'),
      to: word('its status from now on'),
    }),
    parties: { subject: ['facts.stream'], actors: ['facts.receiver', 'facts.actor_person', 'facts.actor'] },
  },
  'stream.dead_letter_redelivered': letter('An operator had a security event sent again that was set aside.'),
  'stream.dead_letter_dropped': letter('An operator threw away a security event that was set aside.'),
  'stream.dead_letter': {
    version: 1,
    about: 'A receiver refused a security event for good; it is set aside.',
    facts: facts({ stream: idOf('stream'), err: text('the receiver’s code'), jti: text('of the security event') }),
    retention: 'standard',
    parties: { subject: ['facts.jti'], actors: ['facts.stream'], decision: ['facts.err'] },
    ocsf: entity('stream', 'facts.stream', 99),
  },
})
