// What the first start registers, as data: who vouches for workloads, which APIs there are, and two agents with what each
// may ever be granted.

import { commandLineClientId } from '#apps/idp/command-line-client.ts'
import { consoleClientId } from '#apps/idp/console-client.ts'
import type { Wanted } from './ensure.ts'

/** SPIFFE id in the demo agent's certificate. */
export const demoAgentUri = 'spiffe://mayfly.local/agent/demo'
/** SPIFFE id in the certificate of the agent that the demo agent works with. */
export const helperAgentUri = 'spiffe://mayfly.local/agent/helper'
/** Lets an account attach what a connector of this scope makes. */
export const drawersScope = 'drawers:use'
/** The workload that the demo agent is: a pipeline on the main branch. Its runs differ in `run_id`. */
export const demoSubject = 'repo:example/order-robot:ref:refs/heads/main'
export const bearerSubject = 'repo:example/status-robot:ref:refs/heads/main'

export interface ResourceUris {
  /** Key-bound tokens, as often as they live. */
  readonly orders: string
  /** Each token once. */
  readonly refunds: string
  /** Takes tokens that are bound to no key. */
  readonly status: string
}

export const resourceUris = (ordersPort: number): ResourceUris => ({
  orders: `https://localhost:${ordersPort}/orders-api`,
  refunds: `https://localhost:${ordersPort}/refunds-api`,
  status: `https://localhost:${ordersPort}/status-api`,
})

export const openIdSource = (input: { issuer: string; audience: string; caPem: string }): Wanted => ({
  kind: 'openid',
  name: 'development-idp',
  issuer: input.issuer,
  audience: input.audience,
  algorithms: ['ES256', 'RS256'],
  ca_pem: input.caPem,
})

export const certificateSource = (anchorPem: string): Wanted => ({
  kind: 'x509_ca',
  name: 'development-agent-ca',
  anchors_pem: [anchorPem],
})

/** Whoever is one of the development provider's operators manages the first tenant. */
export const signInProvider = (input: { issuer: string; caPem: string }): Wanted => ({
  name: 'development-idp',
  issuer: input.issuer,
  client_id: commandLineClientId,
  console_client_id: consoleClientId,
  scopes: ['openid', 'profile', 'email', 'groups'],
  groups_claim: 'groups',
  rules: [
    { group: 'mayfly-admins', role: 'tenant-admin' },
    { group: 'mayfly-approvers', role: 'approver' },
    { group: 'mayfly-auditors', role: 'auditor' },
  ],
  ca_pem: input.caPem,
})

export const resources = (uris: ResourceUris): readonly (Wanted & { readonly uri: string })[] => [
  {
    uri: uris.orders,
    name: 'orders-api',
    scopes: [{ name: 'orders:read', description: 'Read orders' }],
    details_types: ['agent_http'],
    enforces: ['cnf', 'rar'],
    replay: 'pop',
    proof: 'pop',
  },
  {
    uri: uris.refunds,
    name: 'refunds-api',
    details_types: ['agent_http'],
    enforces: ['cnf', 'rar'],
    replay: 'once',
    proof: 'pop',
    risk_class: 'high',
  },
  {
    uri: uris.status,
    name: 'status-api',
    scopes: [{ name: 'status:read', description: 'Read whether the shop is open' }],
    enforces: ['cnf'],
    replay: 'pop',
    proof: 'any',
    risk_class: 'low',
  },
]

/** sources: ids (`src_…`) of the trust sources above. reviewOn: a date to come, YYYY-MM-DD. */
export const demoAgent = (input: {
  uris: ResourceUris
  openIdSource: string
  certificateSource: string
  reviewOn: string
}): Wanted => ({
  name: 'demo-agent',
  owner: 'whoever runs this laptop',
  review_on: input.reviewOn,
  rules: [
    { trust_source: input.openIdSource, claims: { sub: 'repo:example/order-robot:**' } },
    { trust_source: input.certificateSource, san_uri: demoAgentUri },
  ],
  ceiling: {
    scope: `${drawersScope} orders:read`,
    authorization_details: [
      httpDetail(input.uris.orders, 'GET', '/orders/{id}'),
      httpDetail(input.uris.refunds, 'POST', '/orders/{id}/refund'),
    ],
  },
  settings: {
    binding: 'pop',
    instance_claims: ['run_id'],
    task_claims: ['run_id'],
    account_ttl_seconds: 86_400,
    token_ttl_seconds: 300,
    claimable_by: { groups: ['mayfly-claimers'] },
    default_permission: { resource: input.uris.orders, scope: 'orders:read' },
  },
})

/** For clients that can send six form fields and nothing else. */
export const bearerAgent = (input: { uris: ResourceUris; openIdSource: string; reviewOn: string }): Wanted => ({
  name: 'demo-bearer',
  owner: 'whoever runs this laptop',
  review_on: input.reviewOn,
  rules: [{ trust_source: input.openIdSource, claims: { sub: 'repo:example/status-robot:**' } }],
  ceiling: { scope: 'status:read' },
  settings: {
    binding: 'bearer',
    instance_claims: ['run_id'],
    task_claims: ['run_id'],
    account_ttl_seconds: 86_400,
    token_ttl_seconds: 300,
    default_permission: { resource: input.uris.status, scope: 'status:read' },
  },
})

/** A sub-agent: it proves itself by its certificate alone, and may read single orders at most. */
export const helperAgent = (input: { uris: ResourceUris; certificateSource: string; reviewOn: string }): Wanted => ({
  name: 'demo-helper',
  owner: 'whoever runs this laptop',
  review_on: input.reviewOn,
  rules: [{ trust_source: input.certificateSource, san_uri: helperAgentUri }],
  ceiling: { authorization_details: [httpDetail(input.uris.orders, 'GET', '/orders/{id}')] },
  settings: { binding: 'pop', account_ttl_seconds: 3_600, token_ttl_seconds: 300 },
})

/** An entry in normal form (RFC 9396): one method on one path template below one resource. */
export const httpDetail = (location: string, method: string, uriTemplate: string) => ({
  locations: [location],
  methods: [method],
  type: 'agent_http',
  uri_template: uriTemplate,
})
