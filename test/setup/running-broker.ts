// A broker on real sockets with one tenant, registered over /v1 as an operator would: an OpenID issuer, a CA, two agents
// (one proves its key, one is bearer) and two resources (`pop` and `once`).

import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Agent, request } from 'undici'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import type { BrokerConfig } from '#apps/broker/config.ts'
import { generateIdpKeys, type IdpKeys, publicJwks } from '#apps/idp/idp-keys.ts'
import { createWorkloadTokenMinter, type WorkloadTokenInput } from '#apps/idp/workload-token.ts'
import { createLogger } from '#apps/process/logger.ts'
import {
  type CertificateAuthority,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
} from '#apps/standalone/dev-ca.ts'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { freePort } from './free-port.ts'

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

export interface RunningBroker {
  readonly broker: Broker
  readonly config: BrokerConfig
  readonly issuer: string
  readonly ca: CertificateAuthority
  readonly idp: { readonly issuer: string; readonly keys: IdpKeys; readonly requests: string[] }
  /** The pop agent's certificate, which its x509 rule names. */
  readonly certificate: IssuedCertificate
  readonly logLines: string[]
  readonly operatorToken: string
  readonly platformToken: string
  readonly ids: {
    tenant: string
    openid: string
    x509: string
    agent: string
    bearerAgent: string
    resource: string
    onceResource: string
  }
  /** Secrets of the two resources, `mfr_…`. */
  readonly resourceSecrets: { pop: string; once: string }
  /** A workload token of the test issuer; `sub` is 'workload' (pop agent) or 'bearer-workload'. */
  mint(claims?: Partial<WorkloadTokenInput>): string
  /** POST form to /token; with a certificate over the mTLS port. */
  token(form: Record<string, string> | string, certificate?: IssuedCertificate, headers?: Record<string, string>): Promise<Answer>
  /** The standard form for the pop agent, to be changed by a test. */
  form(changes?: Record<string, string | undefined>): Record<string, string>
  v1(method: string, path: string, body?: unknown, token?: string): Promise<Answer>
  close(): Promise<void>
}

export interface RunningBrokerOptions {
  /** URL of the runtime role (`createTestDatabase().urls.app`). */
  readonly databaseUrl: string
  readonly config?: Partial<BrokerConfig>
}

export async function startRunningBroker(options: RunningBrokerOptions): Promise<RunningBroker> {
  const now = new Date()
  const ca = await createDevCa({ now })
  const server = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now })
  const certificate = await issueClientCertificate(ca, { uris: [agentUri], now })
  const idp = await startIssuer(server)
  const [port, mtlsPort] = [await freePort(), await freePort()]
  const config: BrokerConfig = {
    publicUrl: `https://localhost:${port}`,
    mtlsUrl: `https://localhost:${mtlsPort}`,
    host: '127.0.0.1',
    port,
    mtlsPort,
    metricsPort: undefined,
    databaseUrl: options.databaseUrl,
    tls: { certPem: server.chainPem, keyPem: server.keyPem },
    keyEncryptionKey: randomBytes(32),
    allowPrivateIssuers: true,
    logLevel: 'info',
    ...options.config,
  }
  const logLines: string[] = []
  const broker = await startBroker(
    config,
    createLogger('broker', config.logLevel, line => logLines.push(line)),
  )
  const http = createHttp(config, ca.certificatePem)
  const tokens = await bootstrap(http, broker)
  const registered = await register(http, tokens.tenantAdmin, idp.issuer, ca)
  const minter = createWorkloadTokenMinter(idp.keys)
  const mint: RunningBroker['mint'] = (claims = {}) =>
    minter({
      issuer: idp.issuer,
      sub: 'workload',
      aud: subjectAudience,
      runId: 'run-1',
      nowSeconds: Math.floor(Date.now() / 1000),
      ...claims,
    })
  return {
    broker,
    config,
    issuer: config.publicUrl,
    ca,
    idp,
    certificate,
    logLines,
    operatorToken: tokens.tenantAdmin,
    platformToken: tokens.platformAdmin,
    ids: { tenant: tokens.tenant, ...registered.ids },
    resourceSecrets: registered.secrets,
    mint,
    token: http.token,
    form: changes => withChanges({ ...standardForm, subject_token: mint() }, changes),
    v1: (method, path, body, token = tokens.tenantAdmin) => http.v1(method, path, token, body),
    async close() {
      await broker.close()
      await http.close()
      idp.server.closeAllConnections()
      await new Promise(resolve => idp.server.close(resolve))
    },
  }
}

const standardForm = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  resource: resourceUri,
  scope: 'orders:read',
}

function withChanges(form: Record<string, string>, changes: Record<string, string | undefined> = {}): Record<string, string> {
  const merged = Object.entries({ ...form, ...changes }).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return Object.fromEntries(merged)
}

/** Publishes the keys of a CI-like issuer; `requests` are the paths that were asked for. */
async function startIssuer(tls: IssuedCertificate) {
  const keys = await generateIdpKeys()
  const requests: string[] = []
  const server: Server = createServer({ cert: tls.chainPem, key: tls.keyPem }, (incoming, outgoing) => {
    requests.push(incoming.url ?? '')
    const found = incoming.url === '/jwks' ? publicJwks(keys) : { issuer, jwks_uri: `${issuer}/jwks` }
    outgoing.setHeader('content-type', 'application/json').end(JSON.stringify(found))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}`
  return { issuer, keys, requests, server }
}

function createHttp(config: BrokerConfig, caPem: string) {
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

type Http = ReturnType<typeof createHttp>

async function bootstrap(http: Http, broker: Broker) {
  const { database } = broker.deps
  const secret = await createBootstrapToken(database.db, Date.now())
  const { body } = await http.v1('POST', '/v1/bootstrap', secret!, { tenant: { slug: 'test', name: 'Test' } })
  const tokenOf = (role: string): string => body.operators.find((operator: { role: string }) => operator.role === role).token
  return { tenant: body.tenant.id as string, platformAdmin: tokenOf('platform-admin'), tenantAdmin: tokenOf('tenant-admin') }
}

const idOf = (answer: Answer): string => {
  if (answer.status !== 201) throw new Error(`registration failed: ${answer.status} ${answer.text}`)
  return answer.body.id
}

async function register(http: Http, token: string, issuer: string, ca: CertificateAuthority) {
  const create = async (path: string, body: unknown): Promise<string> => idOf(await http.v1('POST', path, token, body))
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
