// The warm row in a deployment of many. Each connection has the certificate of another agent and asks in turn for that agent,
// whom the certificate proves by its tenant's authority, and for others of its tenant whose tokens name the certificate.

import { createHash, X509Certificate } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import type { IdpKeys } from '#apps/idp/idp-keys.ts'
import { createWorkloadTokenMinter } from '#apps/idp/workload-token.ts'
import { type ClientIdentity, httpRequest, type Target, type Traffic } from '../contender.ts'
import { audienceOf, resourceOf } from './many-tenants.ts'
import { sendAll } from './traffic.ts'

export interface TenantOfTraffic {
  readonly slug: string
  readonly issuer: string
  readonly agents: number
  /** Of its first agents. */
  readonly certificates: readonly Required<ClientIdentity>[]
}

/** JSON throughout. */
export interface ManyTenantsOptions {
  readonly target: Target
  readonly tenants: readonly TenantOfTraffic[]
  readonly subject: { readonly issuer: string; readonly keys: IdpKeys }
  readonly jwks: Readonly<Record<string, JSONWebKeySet>>
  readonly runName: string
}

/** One account of one agent, asked for over one connection. */
interface Asked {
  readonly tenant: TenantOfTraffic
  readonly taskId: string
  readonly thumbprint: string
  readonly request: Buffer
}

export async function createTraffic(options: ManyTenantsOptions): Promise<Traffic> {
  const { target, tenants, jwks } = options
  const lanes = tenants.flatMap(tenant =>
    tenant.certificates.map((identity, i) => ({ tenant, identity, ...askedOf(options, tenant, i) })),
  )
  const keys = new Map(tenants.map(({ slug }) => [slug, createLocalJWKSet(jwks[slug]!)]))
  const issuers = new Map(tenants.map(tenant => [tenant.issuer, tenant.slug]))
  const asked: Asked[] = []
  const turns = lanes.map(() => 0)
  let prepared = false
  return {
    target,
    identities: lanes.map(({ identity }) => identity),
    async prepare(first) {
      asked.length = 0
      asked.length = first
      if (prepared) return
      prepared = true
      for (const { identity, all } of lanes)
        await sendAll(
          { ...target, tls: { ...target.tls!, ...identity } },
          all.map(one => one.request),
        )
    },
    request(index, lane) {
      const number = lane % lanes.length
      const { all } = lanes[number]!
      const one = all[turns[number]!++ % all.length]!
      asked[index] = one
      return one.request
    },
    check(answer, claims, index) {
      const { tenant, taskId, thumbprint } = asked[index]!
      if (answer['issued_token_type'] === undefined) throw new Error('The answer is no token exchange.')
      const expected = { iss: tenant.issuer, aud: resourceOf(tenant.slug), scope: 'orders:read', task_id: taskId }
      for (const [name, value] of Object.entries(expected))
        if (claims[name] !== value) throw new Error(`The token's ${name} is ${JSON.stringify(claims[name])}, not ${value}.`)
      if ((claims['cnf'] as Record<string, unknown> | undefined)?.['x5t#S256'] !== thumbprint)
        throw new Error('The token is not bound to the certificate.')
    },
    async verify(token) {
      const { iss } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { iss: string }
      await jwtVerify(token, keys.get(issuers.get(iss)!)!, { issuer: iss, algorithms: ['ES256'] })
    },
  }
}

/** What the connection of a tenant's `number`th certificate asks for: its own agent, and its share of the tenant's others. */
function askedOf({ subject, target, runName }: ManyTenantsOptions, tenant: TenantOfTraffic, number: number): { all: Asked[] } {
  const { slug, certificates } = tenant
  const mint = createWorkloadTokenMinter(subject.keys)
  const thumbprint = createHash('sha256').update(new X509Certificate(certificates[number]!.cert).raw).digest('base64url')
  const agents = Array.from({ length: tenant.agents }, (_, i) => i).filter(i => i % certificates.length === number)
  const all = agents.map(agent => {
    const taskId = `${runName}-${slug}-${agent}`
    const token = mint({
      issuer: subject.issuer,
      sub: `workload-${agent}`,
      aud: audienceOf(slug),
      runId: taskId,
      ttlSeconds: 3_600,
      nowSeconds: Math.floor(Date.now() / 1000),
      ...(agent !== number && { cnf: { 'x5t#S256': thumbprint } }),
    })
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      resource: resourceOf(slug),
      scope: 'orders:read',
      task_id: taskId,
    })
    const headers = { host: `localhost:${target.port}`, 'content-type': 'application/x-www-form-urlencoded' }
    const request = httpRequest({ method: 'POST', path: `/t/${slug}/token`, headers, body: form.toString() })
    return { tenant, taskId, thumbprint, request }
  })
  return { all }
}
