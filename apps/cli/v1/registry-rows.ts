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
  columns: ['name', 'kind', 'updated_at', 'id'],
}
const agents: Kind = {
  plural: 'agents',
  noun: 'agent',
  example: 'nightly-report',
  columns: ['name', 'owner', 'review_on', 'updated_at', 'id'],
  shown: ['client_id'],
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
    about: 'With it the guard of that resource consumes nonces and reports its decisions.',
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

/** In the order of help pages. */
export const registryRows: readonly Operation[] = [
  ...tenantRows,
  ...usualOperations(trustSources),
  ...usualOperations(agents),
  ...usualOperations(resources),
  ...resourceCredentialRows,
]
