import { Type } from 'typebox'
import { defineEvents } from './event-type.ts'
import { amount, count, decidedBy, facts, flag, idOf, maybe, oneOf, seconds, text, uuid, word } from './fields.ts'

const workload = {
  subject: ['private.issuer', 'private.subject'],
  actors: ['leaf.agent'],
  policy: ['facts.config_epoch'],
} as const

const reportedDecision = Type.Object(
  {
    time: seconds('when'),
    outcome: oneOf(['allow', 'deny']),
    reason: text('the guard’s reason'),
    jti: maybe(text('the token')),
    account_id: maybe(text('the account')),
    method: maybe(text('the method called')),
    path_hash: maybe(text('the guard’s commitment to what was called')),
    count: maybe(count('how many requests this stands for; 1 when absent')),
    units: maybe(amount('what it cost, in spend units')),
  },
  { additionalProperties: false },
)

/** Decisions about tokens, and their use. */
export const tokenEvents = defineEvents({
  'token.issued': {
    version: 1,
    about: 'A task token was issued.',
    facts: facts({
      ...decidedBy,
      binding: oneOf(['pop', 'bearer'], 'whether the token is bound to a key'),
      expires: seconds('its `exp`'),
      generation: count('of the account'),
      kind: maybe(oneOf(['id_jag', 'delegation'], 'absent: a token for a resource')),
      may_act: maybe(idOf('agent', 'who may open a child account with it')),
      narrowed: flag('whether less was granted than was asked'),
      resource: word('the resource’s uuid; `issuer` or a word of ours where it is none'),
      units: maybe(amount('what the token costs, in spend units')),
      trust_source: word('uuid of who vouched for the workload, or by what else it proved itself'),
    }),
    private: facts({
      address: text('of the connection'),
      authorization_details: Type.Array(Type.Unknown(), { description: 'granted' }),
      issuer: text('of the workload’s proof'),
      resource_hash: text('hash of resource and grant, as in the token'),
      scope: Type.Array(Type.String(), { description: 'granted' }),
      subject: text('of the workload’s proof'),
      task_id: text('the task'),
    }),
    retention: 'standard',
    decision: 'allow',
    parties: { ...workload, proof: ['facts.trust_source', 'facts.binding'], decision: ['facts.narrowed'] },
    ocsf: { class: 3003, activity: 1 },
  },
  'token.denied': {
    version: 1,
    about: 'A verified workload asked for a token and was refused.',
    facts: facts({
      ...decidedBy,
      code: word('the error’s code, docs/errors.md'),
      reason: word('why'),
      trust_source: word('uuid of who vouched for the workload, or by what else it proved itself'),
    }),
    private: facts({
      account_id: maybe(text('the account that it named')),
      address: text('of the connection'),
      authorization_details: maybe(text('asked, cut at 1,024 characters')),
      issuer: text('of the workload’s proof'),
      resource: Type.Array(Type.String(), { description: 'asked for' }),
      scope: maybe(text('asked')),
      subject: text('of the workload’s proof'),
      task_id: maybe(text('the task that it named')),
    }),
    retention: 'standard',
    decision: 'deny',
    parties: { ...workload, proof: ['facts.trust_source'], decision: ['facts.code', 'facts.reason'] },
    ocsf: { class: 3003, activity: 1 },
  },
  'token.consumed': {
    version: 1,
    about: 'A resource used up a token that is good once.',
    facts: facts({ resource: uuid('the resource') }),
    retention: 'short',
    decision: 'allow',
    parties: { actors: ['facts.resource'], proof: ['leaf.token'] },
    ocsf: { class: 6003, activity: 99 },
  },
  'decisions.reported': {
    version: 1,
    about: 'A guard reported what it had allowed and refused.',
    facts: facts({
      allowed: count('requests'),
      denied: count('requests'),
      decisions: Type.Array(reportedDecision, { description: 'one by one, or counted together' }),
      resource: uuid('the resource'),
    }),
    retention: 'short',
    parties: { actors: ['facts.resource'], decision: ['facts.decisions'] },
    ocsf: { class: 6003, activity: 99 },
  },
  'requests.rejected': {
    version: 1,
    about: 'Requests without a valid credential were turned away; one entry a second at most.',
    facts: facts({ reasons: Type.Record(Type.String(), Type.Integer(), { description: 'how many, by reason' }) }),
    retention: 'short',
    decision: 'deny',
    parties: { decision: ['facts.reasons'] },
    ocsf: { class: 3002, activity: 1 },
  },
})
