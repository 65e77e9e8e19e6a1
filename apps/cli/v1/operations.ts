// Every operation of the management API as a command, in one table. A test holds it against the broker's OpenAPI document: no
// operation without a command, no command without its operation.

import { type BodyFlag, type Kind, type Operation, partOf, row, usualOperations } from './operation.ts'

const tenants: Kind = {
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
}
const resources: Kind = {
  plural: 'resources',
  noun: 'resource',
  example: 'https://api.example.com/orders',
  columns: ['uri', 'name', 'risk_class', 'replay', 'id'],
  by: ['uri', 'name'],
}

const name: BodyFlag = { type: 'string', member: 'name', value: 'NAME', required: true, summary: 'what it is called' }
const tenant: BodyFlag = { type: 'string', member: 'tenant', value: 'ID', summary: 'whose, where you see more than one tenant' }
const expiresIn = (what: string): BodyFlag => ({
  type: 'string',
  member: 'expires_in_seconds',
  as: 'duration',
  value: 'TIME',
  summary: `how long ${what} works: 12h, 30d`,
})

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

const operatorRows: Operation[] = [
  row('operators list', 'GET /v1/operators', 'List operator tokens', {
    answer: 'list',
    columns: ['name', 'role', 'tenant', 'expires_at', 'id'],
    query: { tenant },
    examples: [{ text: 'those of your tenant', command: 'mayfly operators list' }],
  }),
  row('operators create', 'POST /v1/operators', 'Create an operator token', {
    answer: 'secret',
    about: 'For programs. People sign in: mayfly login.',
    flags: {
      name,
      role: { type: 'string', member: 'role', value: 'ROLE', required: true, summary: 'platform-admin, tenant-admin, auditor …' },
      tenant,
      'expires-in': expiresIn('the token'),
    },
    examples: [
      { text: 'for a quarterly audit', command: 'mayfly operators create --name audit --role auditor --expires-in 7d' },
      {
        text: 'into a file that only you can read',
        command: 'mayfly operators create --name ci --role tenant-admin --out ci-token',
      },
    ],
  }),
  row('operators delete', 'DELETE /v1/operators/{id}', 'End an operator token', {
    answer: 'nothing',
    parts: [{ parameter: 'id', argument: 'operator', within: '/v1/operators', by: ['name'] }],
    asks: true,
    examples: [{ text: 'by name or id', command: 'mayfly operators delete audit' }],
  }),
]

/** The whole table. */
export const operations: readonly Operation[] = [
  ...tenantRows,
  ...usualOperations(trustSources),
  ...usualOperations(agents),
  ...usualOperations(resources),
  ...resourceCredentialRows,
  ...operatorRows,
]
