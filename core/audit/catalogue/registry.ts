import { Type } from 'typebox'
import { defineEvents, type OcsfMapping, type Place } from './event-type.ts'
import {
  actor,
  byOperator,
  count,
  facts,
  flag,
  idOf,
  madePolicy,
  maybe,
  maybeActor,
  oneOf,
  sha256,
  text,
  who,
  word,
} from './fields.ts'

const policy = ['facts.config_epoch'] as const
const ocsf = (type: string, at: Place, activity: number): OcsfMapping => ({ class: 3004, activity, entity: { type, at } })

const agent = (about: string, activity: number) =>
  ({
    version: 1,
    about,
    facts: facts({ ...actor, ...madePolicy, ceiling_hash: sha256('the agent’s ceiling') }),
    retention: 'security',
    parties: { ...byOperator, subject: ['leaf.agent'], policy },
    ocsf: ocsf('agent', 'leaf.agent', activity),
  }) as const

const source = (about: string, activity: number) =>
  ({
    version: 1,
    about,
    facts: facts({
      ...who,
      ...madePolicy,
      trust_source: idOf('trustSource'),
      source_kind: word('its kind'),
    }),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.trust_source'], policy },
    ocsf: ocsf('trust source', 'facts.trust_source', activity),
  }) as const

const resource = (about: string, activity: number) =>
  ({
    version: 1,
    about,
    facts: facts({ ...actor, ...madePolicy, resource: idOf('resource') }),
    retention: 'security',
    parties: { ...byOperator, subject: ['facts.resource'], policy },
    ocsf: ocsf('resource', 'facts.resource', activity),
  }) as const

const suspended = { ...actor, ...madePolicy }

/** Who may what: tenants, agents, trust sources, resources, limits. */
export const registryEvents = defineEvents({
  'tenant.created': {
    version: 1,
    about: 'A tenant was created.',
    facts: facts({ ...maybeActor, ...madePolicy, tenant: idOf('tenant') }),
    retention: 'security',
    parties: { ...byOperator, subject: ['leaf.tenant'], policy },
    ocsf: ocsf('tenant', 'leaf.tenant', 1),
  },
  'agent.created': agent('An agent was registered.', 1),
  'agent.changed': agent('An agent’s registration was replaced.', 3),
  'agent.deleted': {
    ...agent('An agent was deleted; its tokens died, its accounts are ended.', 4),
    facts: facts({ ...actor, ...madePolicy, revocation: idOf('revocation') }),
  },
  'agent.suspended': { ...agent('An agent gets no new tokens.', 12), facts: facts(suspended) },
  'agent.reinstated': { ...agent('An agent gets tokens again.', 13), facts: facts(suspended) },
  'trust_source.created': source('A trust source was registered.', 1),
  'trust_source.changed': source('A trust source was replaced.', 3),
  'trust_source.deleted': {
    ...source('A trust source was deleted.', 4),
    facts: facts({
      ...actor,
      ...madePolicy,
      trust_source: idOf('trustSource'),
      revocation: maybe(idOf('revocation', 'of what its workloads had')),
      agents: maybe(count('agents whose workloads had enrolled by its word')),
    }),
  },
  'trust_source.suspended': {
    ...source('Nobody comes by the word of this trust source any more.', 12),
    facts: facts({ ...suspended, trust_source: idOf('trustSource') }),
  },
  'trust_source.reinstated': {
    ...source('Workloads come by the word of this trust source again.', 13),
    facts: facts({ ...suspended, trust_source: idOf('trustSource') }),
  },
  'resource.created': resource('A protected resource was registered.', 1),
  'resource.changed': resource('A protected resource was replaced.', 3),
  'resource.deleted': resource('A protected resource was deleted.', 4),
  'limits.changed': {
    version: 1,
    about: 'Somebody set a tenant’s limits.',
    facts: facts({
      ...actor,
      ...madePolicy,
      part: oneOf(['granted', 'own'], 'by the platform, or by the tenant itself'),
      limits: Type.Record(Type.String(), Type.Union([Type.Number(), Type.Null()]), { description: 'null: none' }),
    }),
    retention: 'security',
    parties: { ...byOperator, subject: ['leaf.tenant'], policy },
    ocsf: ocsf('tenant', 'leaf.tenant', 3),
  },
  'anonymous_opening.changed': {
    version: 1,
    about: 'Somebody said which agent strangers are, or that there are none.',
    facts: facts({ ...actor, ...madePolicy, agent: Type.Union([idOf('agent'), Type.Null()]) }),
    retention: 'security',
    parties: { ...byOperator, subject: ['leaf.agent'], policy },
    ocsf: ocsf('tenant', 'leaf.tenant', 3),
  },
  'join_token.created': {
    version: 1,
    about: 'A join token was made, with which one instance of an agent enrols.',
    facts: facts({ ...actor, join_token: idOf('joinToken'), ttl_seconds: count('how long it is good') }),
    retention: 'security',
    parties: { ...byOperator, subject: ['leaf.agent'] },
    ocsf: ocsf('join token', 'facts.join_token', 1),
  },
  'join_token.deleted': {
    version: 1,
    about: 'A join token was deleted.',
    facts: facts({ ...actor, join_token: idOf('joinToken'), used: maybe(flag('whether somebody had enrolled with it')) }),
    retention: 'security',
    parties: { ...byOperator, subject: ['leaf.agent'] },
    ocsf: ocsf('join token', 'facts.join_token', 4),
  },
  'certificate.issued': {
    version: 1,
    about: 'The built-in CA certified an instance of an agent.',
    facts: facts({
      by: oneOf(['join_token', 'subject_token', 'certificate'], 'what was shown'),
      ca: text('`kid` of the CA’s key'),
      config_epoch: count('the tenant’s configuration that it was decided by'),
      join_token: maybe(idOf('joinToken')),
      not_after: count('its end, seconds since the epoch'),
      serial: text('its serial number, hex'),
      spiffe_id_hash: sha256('its SPIFFE ID'),
      thumbprint: text('SHA-256 of the certificate'),
      trust_source: maybe(text('who vouched for the workload')),
    }),
    retention: 'security',
    decision: 'allow',
    parties: {
      subject: ['leaf.agent', 'facts.spiffe_id_hash'],
      actors: ['leaf.agent'],
      proof: ['facts.by', 'facts.join_token', 'facts.trust_source'],
      policy,
    },
    ocsf: ocsf('certificate', 'facts.serial', 1),
  },
  'enrolment.refused': {
    version: 1,
    about: 'A workload that is known asked for a certificate and was refused.',
    facts: facts({ reason: word('why'), join_token: maybe(idOf('joinToken')) }),
    retention: 'security',
    decision: 'deny',
    parties: { subject: ['leaf.agent'], actors: ['leaf.agent'], proof: ['facts.join_token'], decision: ['facts.reason'] },
    ocsf: ocsf('agent', 'leaf.agent', 6),
  },
})
