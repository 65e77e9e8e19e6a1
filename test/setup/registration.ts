// What a test deployment registers, over /v1 as an operator would: an OpenID issuer, a CA, two agents (one proves its key,
// one is bearer) and two resources (`pop` and `once`).

import { Agent, request } from 'undici'
import type { CertificateAuthority, IssuedCertificate } from '#apps/standalone/dev-ca.ts'

export const agentUri = 'spiffe://test.example/agent'
export const resourceUri = 'https://orders.example/api'
export const onceResourceUri = 'https://payments.example/api'
export const subjectAudience = 'mayfly-test'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly body: any
  readonly text: string
}

/** Speaks to a broker as agents and operators do. */
export function createHttp(config: { readonly publicUrl: string; readonly mtlsUrl: string }, caPem: string) {
  const agents = new Map<string, Agent>()
  const agentFor = (certificate?: IssuedCertificate): Agent => {
    const name = certificate?.certificatePem ?? ''
    const agent =
      agents.get(name) ??
      new Agent({ connect: { ca: caPem, ...(certificate && { cert: certificate.chainPem, key: certificate.keyPem }) } })
    agents.set(name, agent)
    return agent
  }
  const send = async (
    url: string,
    method: string,
    headers: Record<string, string>,
    body: string | undefined,
    certificate?: IssuedCertificate,
  ) => {
    const response = await request(url, {
      method: method as 'POST',
      headers,
      body: body ?? null,
      dispatcher: agentFor(certificate),
    })
    const text = await response.body.text()
    const json = /json/.test(String(response.headers['content-type']))
    return { status: response.statusCode, headers: response.headers, body: json ? JSON.parse(text) : undefined, text }
  }
  return {
    token: (
      form: Record<string, string> | string,
      certificate?: IssuedCertificate,
      headers: Record<string, string> = {},
    ): Promise<Answer> =>
      send(
        `${certificate ? config.mtlsUrl : config.publicUrl}/token`,
        'POST',
        { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        typeof form === 'string' ? form : new URLSearchParams(form).toString(),
        certificate,
      ),
    v1: (method: string, path: string, token: string, body?: unknown): Promise<Answer> =>
      send(
        `${config.publicUrl}${path}`,
        method,
        { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
        body === undefined ? undefined : JSON.stringify(body),
      ),
    close: () => Promise.all([...agents.values()].map(agent => agent.destroy())),
  }
}

export type Http = ReturnType<typeof createHttp>

/** secret: `mfb_…`. */
export async function bootstrapTenant(http: Http, secret: string) {
  const { body } = await untilServed(() => http.v1('POST', '/v1/bootstrap', secret, { tenant: { slug: 'test', name: 'Test' } }))
  const tokenOf = (role: string): string => body.operators.find((operator: { role: string }) => operator.role === role).token
  return { tenant: body.tenant.id as string, platformAdmin: tokenOf('platform-admin'), tenantAdmin: tokenOf('tenant-admin') }
}

/** On a busy machine a broker that has just started turns callers of /v1 away for a moment, and has then done nothing. */
export async function untilServed(ask: () => Promise<Answer>): Promise<Answer> {
  const giveUpAt = Date.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (answer.status !== 503 || Date.now() > giveUpAt) return answer
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

const idOf = (answer: Answer): string => {
  if (answer.status !== 201) throw new Error(`registration failed: ${answer.status} ${answer.text}`)
  return answer.body.id
}

/** Two trust sources, two resources with a credential each, two agents. */
export async function registerAll(http: Http, token: string, issuer: string, ca: CertificateAuthority) {
  const create = async (path: string, body: unknown): Promise<string> =>
    idOf(await untilServed(() => http.v1('POST', path, token, body)))
  const openid = await create('/v1/trust-sources', {
    kind: 'openid',
    name: 'ci',
    issuer,
    audience: subjectAudience,
    jwks_uri: `${issuer}/jwks`,
    ca_pem: ca.certificatePem,
  })
  const x509 = await create('/v1/trust-sources', { kind: 'x509_ca', name: 'ca', anchors_pem: [ca.certificatePem] })
  const scopes = [
    { name: 'orders:read', description: 'Read orders' },
    { name: 'orders:write', description: 'Change orders' },
  ]
  const api = { scopes, details_types: ['agent_http', 'agent_row', 'agent_tool'], enforces: ['cnf', 'rar'], proof: 'any' }
  const resource = await create('/v1/resources', { uri: resourceUri, name: 'Orders', ...api })
  const onceResource = await create('/v1/resources', { uri: onceResourceUri, name: 'Payments', replay: 'once', ...api })
  const details = [
    { type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/{id}' },
    { type: 'agent_http', locations: [onceResourceUri], methods: ['POST'], uri_template: '/payments' },
  ]
  const common = {
    owner: 'team@test.example',
    review_on: '2099-01-01',
    ceiling: { scope: 'orders:read', authorization_details: details },
  }
  const agent = await create('/v1/agents', {
    name: 'agent',
    ...common,
    rules: [
      { trust_source: openid, claims: { sub: 'workload' } },
      { trust_source: x509, san_uri: agentUri },
    ],
    settings: { instance_claims: ['run_id'], task_claims: ['run_id'] },
  })
  const bearerAgent = await create('/v1/agents', {
    name: 'bearer-agent',
    ...common,
    rules: [{ trust_source: openid, claims: { sub: 'bearer-workload' } }],
    settings: { binding: 'bearer', instance_claims: ['run_id'], task_claims: ['run_id'] },
  })
  const secretOf = async (id: string): Promise<string> => {
    const answer = await http.v1('POST', `/v1/resources/${id}/credentials`, token, { name: 'guard' })
    if (answer.status !== 201) throw new Error(`credential failed: ${answer.status} ${answer.text}`)
    return answer.body.secret ?? answer.body.token
  }
  const secrets = { pop: await secretOf(resource), once: await secretOf(onceResource) }
  return { ids: { openid, x509, agent, bearerAgent, resource, onceResource }, secrets }
}
