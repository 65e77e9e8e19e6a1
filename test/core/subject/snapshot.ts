// Registries made by hand, with one right trust source, agent and resource until a test bends them.

import { formatId } from '#core/ids/id.ts'
import { standardLimits } from '#core/quota/limits.ts'
import type { Agent, AgentRule, AgentSettings } from '#core/registry/agent.ts'
import type { Resource, ResourceConfig } from '#core/registry/resource.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { OpenIdTrustSource, TrustSource, X509TrustSource } from '#core/registry/trust-source.ts'

export const issuer = 'https://ci.example'
export const audience = 'https://broker.example'
export const resourceUri = 'https://api.example/v1'

export const openIdSource = (change: Partial<OpenIdTrustSource> = {}): OpenIdTrustSource => ({
  kind: 'openid',
  id: 'source-ci',
  name: 'CI',
  issuer,
  audience,
  jwksUri: undefined,
  algorithms: ['ES256', 'RS256'],
  maxAgeSeconds: 3600,
  caPem: undefined,
  preset: undefined,
  idJag: false,
  ...change,
})

export const x509Source = (id: string, ...anchorsPem: string[]): X509TrustSource => ({
  kind: 'x509_ca',
  id,
  name: id,
  anchorsPem,
  crl: undefined,
})

let serial = 0

export function makeAgent(
  rules: readonly AgentRule[],
  change: Partial<Agent> = {},
  settings: Partial<AgentSettings> = {},
): Agent {
  const id = `01900000-0000-7000-8000-${String(++serial).padStart(12, '0')}`
  return {
    id,
    clientId: formatId('agent', id),
    name: `agent ${serial}`,
    owner: 'team',
    reviewOn: '2030-01-01',
    rules,
    ceilingId: '1',
    ceiling: { details: [], scopes: ['orders:read', 'orders:write'] },
    settings: {
      binding: 'pop',
      instance_claims: [],
      task_claims: [],
      may_open: true,
      account_ttl_seconds: 3600,
      token_ttl_seconds: 300,
      ...settings,
    },
    ...change,
  }
}

export const makeResource = (change: Partial<ResourceConfig> = {}, uri = resourceUri): Resource => ({
  id: `resource of ${uri}`,
  uri,
  name: 'Orders',
  config: {
    scopes: ['orders:read', 'orders:write', 'orders:delete'].map(name => ({ name, description: name })),
    details_types: ['agent_http'],
    risk_class: 'low',
    max_ttl_seconds: 600,
    replay: 'pop',
    alg: 'ES256',
    enforces: ['cnf', 'rar'],
    proof: 'any',
    ...change,
  },
})

export function makeSnapshot(
  parts: { sources?: readonly TrustSource[]; agents?: readonly Agent[]; resources?: readonly Resource[] } = {},
): TenantSnapshot {
  const { sources = [openIdSource()], agents = [], resources = [makeResource()] } = parts
  return {
    tenant: { id: '01900000-0000-7000-8000-0000000000aa', slug: 'first', name: 'First', issuer: audience, isFirst: true },
    configEpoch: 7,
    limits: standardLimits,
    trustSources: new Map(sources.map(source => [source.id, source])),
    agents: new Map(agents.map(agent => [agent.id, agent])),
    resourcesByUri: new Map(resources.map(resource => [resource.uri, resource])),
    signers: new Map(),
    jwks: { keys: [] },
  }
}
