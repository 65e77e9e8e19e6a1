// What a tenant registers: tenants themselves, trust sources, agents, resources and what belongs to them.

import { expiresIn, name } from './flags.ts'
import { type Kind, type Operation, partOf, row, usualOperations } from './operation.ts'

export const tenants: Kind = {
  plural: 'tenants',
  noun: 'tenant',
  example: 'acme',
  columns: ['slug', 'name', 'issuer', 'id'],
  by: ['slug', 'name'],
}
const trustSources: Kind = {
  plural: 'trust-sources',
  noun: 'trust source',
  example: 'github-actions',
  columns: ['name', 'kind', 'updated_at', 'suspended_at', 'id'],
  shown: ['suspended_at'],
}
const agents: Kind = {
  plural: 'agents',
  noun: 'agent',
  example: 'nightly-report',
  columns: ['name', 'owner', 'review_on', 'suspended_at', 'id'],
  shown: ['client_id', 'suspended_at'],
}
const resources: Kind = {
  plural: 'resources',
  noun: 'resource',
  example: 'https://api.example.com/orders',
  columns: ['uri', 'name', 'risk_class', 'replay', 'id'],
  by: ['uri', 'name'],
}

const [listTenants, getTenant] = usualOperations(tenants) as [Operation, Operation]
const tenantRows: Operation[] = [
  listTenants,
  getTenant,
  row('tenants create', 'POST /v1/tenants', 'Create a tenant with its signing keys', {
    answer: 'thing',
    file: true,
    flags: {
      slug: { type: 'string', member: 'slug', value: 'SLUG', required: true, summary: 'stands in its issuer: /t/SLUG' },
      name,
    },
    examples: [{ text: 'an issuer of its own', command: 'mayfly tenants create --slug acme --name "Acme Ltd"' }],
  }),
]

const ofResource = '/v1/resources/{id}/credentials'
const resourceCredentialRows: Operation[] = [
  row('resources credentials list', `GET ${ofResource}`, "List a resource's credentials", {
    answer: 'list',
    parts: [partOf(resources)],
    columns: ['name', 'expires_at', 'id'],
    examples: [{ text: 'of one resource', command: `mayfly resources credentials list ${resources.example}` }],
  }),
  row('resources credentials create', `POST ${ofResource}`, 'Create a credential for a resource', {
    answer: 'secret',
    about: 'With it the guard of that resource hears of revocations, uses up tokens of the mode once, and reports its decisions.',
    parts: [partOf(resources)],
    flags: { name, 'expires-in': expiresIn('it') },
    examples: [
      {
        text: 'for the guard',
        command: `mayfly resources credentials create ${resources.example} --name live --out guard-token`,
      },
    ],
  }),
  row('resources credentials delete', `DELETE ${ofResource}/{credential_id}`, 'End a credential of a resource', {
    answer: 'nothing',
    parts: [partOf(resources), { parameter: 'credential_id', argument: 'credential' }],
    asks: true,
    examples: [{ text: 'by its id', command: `mayfly resources credentials delete ${resources.example} crd_…` }],
  }),
]

const ofAgent = '/v1/agents/{id}/join-tokens'
const joinTokenRows: Operation[] = [
  row('agents join-tokens list', `GET ${ofAgent}`, "List an agent's join tokens and who came by them", {
    answer: 'list',
    parts: [partOf(agents)],
    columns: ['note', 'expires_at', 'used_at', 'instance.name', 'instance.not_after', 'id'],
    examples: [{ text: 'of one agent', command: `mayfly agents join-tokens list ${agents.example}` }],
  }),
  row('agents join-tokens create', `POST ${ofAgent}`, 'Create a join token, for the first certificate of an agent', {
    answer: 'secret',
    about: 'The machine that gets it redeems it once: mayfly agent enroll. From then on its certificate renews itself.',
    parts: [partOf(agents)],
    flags: {
      'expires-in': expiresIn('it'),
      note: { type: 'string', member: 'note', value: 'TEXT', summary: 'where it goes, for whoever reads the list' },
    },
    examples: [
      { text: 'for one machine', command: `mayfly agents join-tokens create ${agents.example} --note laptop --out join-token` },
    ],
  }),
  row('agents join-tokens delete', `DELETE ${ofAgent}/{join_token_id}`, 'End a join token; who came by it cannot renew', {
    answer: 'nothing',
    parts: [partOf(agents), { parameter: 'join_token_id', argument: 'join-token' }],
    asks: true,
    examples: [{ text: 'by its id', command: `mayfly agents join-tokens delete ${agents.example} join_…` }],
  }),
]

const suspensionRows = (kind: Kind): Operation[] => [
  row(
    `${kind.plural} suspend`,
    `POST /v1/${kind.plural}/{id}/suspend`,
    `Give one ${kind.noun} nothing new until it is reinstated`,
    {
      answer: 'thing',
      about: 'The tokens that are out live on until they end; mayfly revoke ends them too.',
      parts: [partOf(kind)],
      examples: [{ text: 'while somebody looks into it', command: `mayfly ${kind.plural} suspend ${kind.example}` }],
    },
  ),
  row(`${kind.plural} reinstate`, `POST /v1/${kind.plural}/{id}/reinstate`, `Let one suspended ${kind.noun} have tokens again`, {
    answer: 'thing',
    about: 'What was revoked stays revoked.',
    parts: [partOf(kind)],
    asks: true,
    examples: [{ text: 'when all is well again', command: `mayfly ${kind.plural} reinstate ${kind.example}` }],
  }),
]

/** In the order of help pages. */
export const registryRows: readonly Operation[] = [
  ...tenantRows,
  ...usualOperations(trustSources),
  ...suspensionRows(trustSources),
  ...usualOperations(agents),
  ...suspensionRows(agents),
  ...joinTokenRows,
  ...usualOperations(resources),
  ...resourceCredentialRows,
]
