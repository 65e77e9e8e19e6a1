import { Type } from 'typebox'
import { defineEvents, type OcsfMapping } from './event-type.ts'
import { actor, byOperator, count, facts, flag, idOf, maybe, oneOf, text, word } from './fields.ts'

const webhook = idOf('webhook')
const message = idOf('message')
const range = { from: count('the first position in it'), to: count('the last one') }
const ofWebhook = (activity: number, severity?: 3 | 4): OcsfMapping => ({
  class: 3004,
  activity,
  ...(severity !== undefined && { severity }),
  entity: { type: 'audit stream', at: 'facts.webhook' },
})

/** Who is sent the log as it grows, and follows it. What a receiver took is not said each time: that would be an entry for each entry. */
export const auditStreamEvents = defineEvents({
  'audit_stream.opened': {
    version: 1,
    about: 'Somebody began to follow the log.',
    facts: facts({
      ...actor,
      position: count('the first position that was looked at'),
      follow: flag('whether it went on at the end of the log'),
      types: maybe(Type.Array(text('a type, or all below a word'))),
      decision: maybe(oneOf(['allow', 'deny', 'defer'])),
      account: maybe(idOf('account')),
      agent: maybe(idOf('agent')),
      token: maybe(text('`jti`')),
      reason: maybe(text('a reason code, or its beginning')),
    }),
    retention: 'security',
    decision: 'allow',
    parties: { ...byOperator, subject: ['leaf.tenant'] },
    ocsf: { class: 3004, activity: 2, entity: { type: 'audit log', at: 'leaf.tenant' } },
  },
  'audit_stream.ended': {
    version: 1,
    about: 'Who followed the log stopped, or was stopped.',
    facts: facts({
      ...actor,
      position: count('the first position that was not looked at'),
      entries: count('how many were shown'),
      why: oneOf(['end', 'left', 'credential_ended', 'too_slow', 'closing', 'restored', 'failed']),
    }),
    retention: 'security',
    parties: { ...byOperator, subject: ['leaf.tenant'], decision: ['facts.why'] },
    ocsf: { class: 3004, activity: 2, entity: { type: 'audit log', at: 'leaf.tenant' } },
  },
  'audit_stream.parked': {
    version: 1,
    about: 'A webhook has not taken its part of the log for an hour; from now on it is tried once an hour.',
    facts: facts({
      webhook,
      message,
      ...range,
      failure: word('why'),
      status: Type.Union([Type.Integer(), Type.Null()], { description: 'what it answered; null: nothing' }),
      attempts: count('how often it was tried'),
    }),
    retention: 'security',
    parties: { subject: ['facts.message'], actors: ['facts.webhook'], decision: ['facts.status', 'facts.failure'] },
    ocsf: ofWebhook(99, 3),
  },
  'audit_stream.resumed': {
    version: 1,
    about: 'A webhook whose part of the log was parked takes it again.',
    facts: facts({ webhook, message }),
    retention: 'security',
    parties: { subject: ['facts.message'], actors: ['facts.webhook'] },
    ocsf: ofWebhook(13),
  },
  'audit_stream.retried': {
    version: 1,
    about: 'An operator had a webhook’s part of the log tried again.',
    facts: facts({ ...actor, webhook }),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.webhook'] },
    ocsf: ofWebhook(13),
  },
  'audit_stream.skipped': {
    version: 1,
    about: 'An operator had a message left out that a webhook does not take. Its receiver sees the gap.',
    facts: facts({ ...actor, webhook, ...range }),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.webhook'] },
    ocsf: ofWebhook(3, 4),
  },
})
