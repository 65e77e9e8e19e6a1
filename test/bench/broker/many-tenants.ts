// A deployment of many: tenants with agents of their own, and certificate authorities that no other tenant trusts.

import { type CertificateAuthority, createDevCa, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import type { Answer } from '#test/setup/registration.ts'
import type { Registrar } from './bench-broker.ts'
import type { TenantOfTraffic } from './many-tenants-traffic.ts'

export interface ManyTenants {
  readonly tenants: number
  /** Altogether. */
  readonly agents: number
  /** Altogether; at least one for each tenant. */
  readonly anchors: number
}

export const resourceOf = (slug: string): string => `https://orders.${slug}.example/api`
export const audienceOf = (slug: string): string => `mayfly-bench-${slug}`

/** Registers all of it over /v1, as operators would, and gives each tenant's first agents a certificate of one of its authorities. */
export async function registerManyTenants(
  registrar: Registrar,
  { tenants, agents, anchors }: ManyTenants,
  identitiesPerTenant: number,
): Promise<TenantOfTraffic[]> {
  const made: TenantOfTraffic[] = []
  for (let i = 0; i < tenants; i++) {
    const shareOf = (total: number): number => Math.floor(((i + 1) * total) / tenants) - Math.floor((i * total) / tenants)
    made.push(await registerTenant(registrar, `t${i}`, shareOf(agents), shareOf(anchors), identitiesPerTenant))
  }
  return made
}

async function registerTenant(
  { http, platformAdmin, idp }: Registrar,
  slug: string,
  agents: number,
  anchors: number,
  identities: number,
): Promise<TenantOfTraffic> {
  const tenant = bodyOf(await http.v1('POST', '/v1/tenants', platformAdmin, { slug, name: slug }))
  const operator = { name: 'bench', role: 'tenant-admin', tenant: tenant.id }
  const { token } = bodyOf(await http.v1('POST', '/v1/operators', platformAdmin, operator))
  const create = async (path: string, body: unknown) => bodyOf(await http.v1('POST', path, token, body))
  const { issuer, caPem } = idp
  const openid = { kind: 'openid', name: 'ci', issuer, audience: audienceOf(slug), jwks_uri: `${issuer}/jwks`, ca_pem: caPem }
  const { id: openidId } = await create('/v1/trust-sources', openid)
  const now = new Date()
  const cas: { ca: CertificateAuthority; id: string }[] = []
  for (let i = 0; i < anchors; i++) {
    const ca = await createDevCa({ now, commonName: `${slug} ${i}` })
    const { id } = await create('/v1/trust-sources', { kind: 'x509_ca', name: `ca${i}`, anchors_pem: [ca.certificatePem] })
    cas.push({ ca, id })
  }
  const scopes = [{ name: 'orders:read', description: 'Read orders' }]
  await create('/v1/resources', {
    uri: resourceOf(slug),
    name: 'Orders',
    scopes,
    details_types: ['agent_http'],
    enforces: ['cnf', 'rar'],
  })
  for (let i = 0; i < agents; i++) {
    const rules = [
      { trust_source: openidId, claims: { sub: `workload-${i}` } },
      { trust_source: cas[i % cas.length]!.id, san_uri: uriOf(slug, i) },
    ]
    const owner = { owner: 'bench@test.example', review_on: '2099-01-01' }
    await create('/v1/agents', { name: `agent-${i}`, ...owner, ceiling: { scope: 'orders:read' }, rules })
  }
  const certificates = []
  for (let i = 0; i < Math.min(identities, agents); i++) {
    const { chainPem, keyPem } = await issueClientCertificate(cas[i % cas.length]!.ca, { now, uris: [uriOf(slug, i)] })
    certificates.push({ cert: chainPem, key: keyPem })
  }
  return { slug, issuer: tenant.issuer, agents, certificates }
}

const uriOf = (slug: string, agent: number): string => `spiffe://${slug}.example/agent-${agent}`

function bodyOf(answer: Answer) {
  if (answer.status !== 201) throw new Error(`registration failed: ${answer.status} ${answer.text}`)
  return answer.body
}
