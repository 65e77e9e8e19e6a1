// A broker on real sockets with one tenant and what `registration.ts` lists, in this process.

import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
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
import { type Answer, agentUri, bootstrapTenant, createHttp, registerAll, resourceUri, subjectAudience } from './registration.ts'

export { agentUri, onceResourceUri, resourceUri, subjectAudience } from './registration.ts'

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
  const secret = await createBootstrapToken(broker.deps.database.db, Date.now())
  const tokens = await bootstrapTenant(http, secret!)
  const registered = await registerAll(http, tokens.tenantAdmin, idp.issuer, ca)
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
