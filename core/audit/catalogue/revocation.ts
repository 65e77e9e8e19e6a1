import { Type } from 'typebox'
import { defineEvents, type OcsfMapping, type Place } from './event-type.ts'
import { amount, byOperator, count, facts, flag, idOf, madePolicy, maybe, seconds, text, who } from './fields.ts'

const policy = ['facts.config_epoch'] as const
const base = { ...who, revocation: idOf('revocation') }
const revoked = (type: string, at: Place) =>
  ({
    version: 1,
    private: facts({ reason: text('in the words of who revoked it') }),
    retention: 'security',
    parties: { ...byOperator, subject: [at], policy, decision: ['private.reason', 'facts.approved_by_person'] },
    ocsf: { class: 3004, activity: 4, entity: { type, at } } as OcsfMapping,
  }) as const

/** What was made worthless before its time. Accounts: `account.revoked`. */
export const revocationEvents = defineEvents({
  'token.revoked': {
    ...revoked('token', 'leaf.token'),
    about: 'One token was revoked.',
    facts: facts({ ...base, agent: maybe(idOf('agent', 'that took back a token of its own')) }),
    parties: { ...byOperator, subject: ['leaf.token'], decision: ['private.reason', 'facts.approved_by_person'] },
  },
  'agent.revoked': {
    ...revoked('agent', 'leaf.agent'),
    about: 'Every token of an agent was revoked; its accounts are ended.',
    facts: facts({ ...base, ...madePolicy, suspended: flag('whether it gets no new ones either') }),
  },
  'trust_source.revoked': {
    ...revoked('trust source', 'facts.trust_source'),
    about: 'Whatever came by the word of a trust source was revoked.',
    facts: facts({
      ...base,
      ...madePolicy,
      trust_source: idOf('trustSource'),
      suspended: flag('whether nobody new comes by it'),
      agents: count('agents that this is about'),
    }),
  },
  'signing_key.revoked': {
    ...revoked('key', 'facts.kid'),
    about: 'Whatever a key signed was revoked.',
    facts: facts({
      ...base,
      ...madePolicy,
      kid: text('the key'),
      kids: Type.Array(Type.String(), { description: 'all that were' }),
    }),
  },
  'tenant.revoked': {
    ...revoked('tenant', 'leaf.tenant'),
    about: 'Every token and account of a tenant was revoked.',
    facts: facts({ ...base, ...madePolicy, tenant: idOf('tenant') }),
  },
  'revocation.acknowledged': {
    version: 1,
    about: 'Every guard that was listening has said that it refuses what was revoked; or some had not when waiting ended.',
    facts: facts({
      revocation: idOf('revocation'),
      epoch: count('the last entry of the feed that it made'),
      revoked_at: seconds('when it was committed'),
      receivers: count('guards that were listening'),
      acknowledged: count('of them: have said so'),
      missing: count('of them: have not'),
      first_ms: maybe(amount('from the commit to the first acknowledgement, milliseconds')),
      last_ms: maybe(amount('from the commit to the last acknowledgement, milliseconds')),
    }),
    retention: 'security',
    parties: { subject: ['facts.revocation'], decision: ['facts.acknowledged', 'facts.missing'] },
    ocsf: { class: 3004, activity: 99, entity: { type: 'revocation', at: 'facts.revocation' } },
  },
})
