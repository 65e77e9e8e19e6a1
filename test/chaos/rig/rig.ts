// What every fault test stands on: an issuer of workload tokens in this process, and a broker in a process of its own that
// can be killed and started again at the same address with the same keys.

import { createHash, randomBytes } from 'node:crypto'
import type { IdpKeys } from '#apps/idp/idp-keys.ts'
import { createWorkloadTokenMinter, type WorkloadTokenInput } from '#apps/idp/workload-token.ts'
import {
  type CertificateAuthority,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
} from '#apps/standalone/dev-ca.ts'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { openDatabase } from '#db/connect.ts'
import { freePort } from '#test/setup/free-port.ts'
import {
  agentUri,
  bootstrapTenant,
  createHttp,
  type Http,
  registerAll,
  resourceUri,
  subjectAudience,
} from '#test/setup/registration.ts'
import { ChildBroker } from './child-broker.ts'
import { type Issuer, startIssuer } from './issuer.ts'
import { Relay } from './relay.ts'

export interface Rig {
  readonly publicUrl: string
  readonly mtlsUrl: string
  readonly caPem: string
  readonly ca: CertificateAuthority
  /** The broker's public port itself. */
  readonly port: number
  /** The agent's certificate; its thumbprint is what workload tokens are bound to. */
  readonly certificate: IssuedCertificate
  readonly issuer: Issuer
  readonly http: Http
  /** Of the tenant's administrator. */
  readonly operatorToken: string
  /** Of the two resources, `mfr_…`. */
  readonly resourceSecrets: { readonly pop: string; readonly once: string }
  /** The wire through which everybody but `http` reaches the public port, where there is one. */
  readonly relay: Relay | undefined
  /** The broker that runs now. */
  readonly broker: ChildBroker
  /** The form of an honest call for one run of the agent; a run is an account. */
  form(runId: string, changes?: Record<string, string>, claims?: Partial<WorkloadTokenInput>): Record<string, string>
  /** Starts the broker again; the one before must have ended. */
  start(env?: Record<string, string>, preload?: readonly string[]): Promise<ChildBroker>
  close(): Promise<void>
}

export interface RigOptions {
  /** Of the first broker. */
  readonly env?: Record<string, string>
  readonly preload?: readonly string[]
  /** The issuer's address leads through a wire that can be cut. */
  readonly relayed?: boolean
  /** What is run as the broker; its source when left out. */
  readonly program?: string
}

export async function startRig(databaseUrl: string, first: RigOptions = {}): Promise<Rig> {
  const now = new Date()
  const ca = await createDevCa({ now })
  const server = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now })
  const certificate = await issueClientCertificate(ca, { uris: [agentUri], now })
  const issuer = await startIssuer(server)
  const [port, mtlsPort] = [await freePort(), await freePort()]
  const relay = first.relayed ? await Relay.start([port]) : undefined
  const [publicUrl, mtlsUrl] = [`https://localhost:${relay?.port ?? port}`, `https://localhost:${mtlsPort}`]
  const env = {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: databaseUrl,
    MAYFLY_PORT: String(port),
    MAYFLY_MTLS_PORT: String(mtlsPort),
    MAYFLY_METRICS_PORT: 'off',
    MAYFLY_PUBLIC_URL: publicUrl,
    MAYFLY_MTLS_URL: mtlsUrl,
    MAYFLY_TLS_CERT: server.chainPem,
    MAYFLY_TLS_KEY: server.keyPem,
    MAYFLY_KEK: randomBytes(32).toString('base64url'),
    MAYFLY_ALLOW_PRIVATE_ISSUERS: 'true',
    MAYFLY_LOG_LEVEL: 'warn',
  }
  const http = createHttp({ publicUrl: `https://localhost:${port}`, mtlsUrl }, ca.certificatePem)
  const start = (extra: Record<string, string> = {}, preload: readonly string[] = []): Promise<ChildBroker> =>
    ChildBroker.start({ ...env, MAYFLY_LOG_LEVEL: 'info', ...extra }, preload, first.program)
  let broker = await start(first.env, first.preload)
  const { operatorToken, resourceSecrets } = await register(databaseUrl, http, issuer.url, ca)
  const form = createForm(issuer, certificate)
  return {
    publicUrl,
    mtlsUrl,
    caPem: ca.certificatePem,
    ca,
    port,
    certificate,
    issuer,
    http,
    operatorToken,
    resourceSecrets,
    relay,
    get broker() {
      return broker
    },
    form,
    async start(extra, preload) {
      broker = await start(extra, preload)
      return broker
    },
    async close() {
      await broker.kill()
      await relay?.close()
      await http.close()
      await issuer.close()
    },
  }
}

async function register(
  databaseUrl: string,
  http: Http,
  issuerUrl: string,
  ca: Parameters<typeof registerAll>[3],
): Promise<Pick<Rig, 'operatorToken' | 'resourceSecrets'>> {
  const database = openDatabase(databaseUrl, { poolSize: 1 })
  try {
    const secret = await createBootstrapToken(database.db, Date.now())
    const { tenantAdmin } = await bootstrapTenant(http, secret!)
    const { secrets } = await registerAll(http, tenantAdmin, issuerUrl, ca)
    return { operatorToken: tenantAdmin, resourceSecrets: secrets }
  } finally {
    await database.close()
  }
}

function createForm(
  { keys, url }: { readonly keys: IdpKeys; readonly url: string },
  certificate: IssuedCertificate,
): Rig['form'] {
  const mint = createWorkloadTokenMinter(keys)
  return (runId, changes = {}, claims = {}) => ({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    resource: resourceUri,
    scope: 'orders:read',
    subject_token: mint({
      issuer: url,
      sub: 'workload',
      aud: subjectAudience,
      runId,
      nowSeconds: Math.floor(Date.now() / 1000),
      cnf: { 'x5t#S256': thumbprintOf(certificate) },
      ...claims,
    }),
    ...changes,
  })
}

/** RFC 8705 § 3.1 */
function thumbprintOf({ certificatePem }: IssuedCertificate): string {
  const der = Buffer.from(certificatePem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  return createHash('sha256').update(der).digest('base64url')
}
