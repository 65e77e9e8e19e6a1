// The broker as it is measured: one process of its own, what the image starts with the image's environment, on a PostgreSQL
// of its own with durable settings on the machine's disk. Each row has one.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateIdpKeys, type IdpKeys, publicJwks } from '#apps/idp/idp-keys.ts'
import {
  type CertificateAuthority,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
} from '#apps/standalone/dev-ca.ts'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { openDatabase } from '#db/connect.ts'
import { prepareDatabase } from '#db/prepare.ts'
import { bundleBroker } from '#deploy/docker/bundle-broker.ts'
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
import { startRunCluster } from '#test/setup/run-cluster.ts'
import type { BrokerTrafficOptions } from './traffic.ts'

export interface BenchBroker {
  readonly pid: number
  /** Superuser inside its database. */
  readonly adminUrl: string
  readonly trafficOptions: Omit<BrokerTrafficOptions, 'row' | 'accounts'>
  /** What more tenants are registered with. */
  readonly registrar: Registrar
  /** The tenant that is measured, and who holds what in it. */
  readonly tenant: BenchTenant
  stop(): Promise<void>
}

export interface Registrar {
  readonly http: Http
  readonly platformAdmin: string
  readonly idp: { readonly issuer: string; readonly keys: IdpKeys; readonly caPem: string }
}

export interface BenchTenant {
  readonly issuer: string
  readonly adminToken: string
  readonly ca: CertificateAuthority
  /** The agent's certificate. */
  readonly certificate: IssuedCertificate
  /** Of the resource that tokens are for. */
  readonly resourceSecret: string
  readonly x509TrustSource: string
}

/** settings: more of PostgreSQL's. */
export async function startBenchBroker(settings: Readonly<Record<string, string>> = {}): Promise<BenchBroker> {
  const cluster = await startRunCluster({ onDisk: true, settings })
  const stops: (() => Promise<unknown>)[] = [() => cluster.stop()]
  const stop = async (): Promise<void> => {
    for (const end of stops.toReversed()) await end().catch(() => {})
  }
  try {
    const urls = await prepareDatabase(cluster.adminUrl, 'bench', { app: 'bench', queue: 'bench', migrate: 'bench' })
    const now = new Date()
    const ca = await createDevCa({ now })
    const tls = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now })
    const agent = await issueClientCertificate(ca, { uris: [agentUri], now })
    const keys = await generateIdpKeys()
    const idp = await publishKeys(tls, publicJwks(keys))
    stops.push(() => closeServer(idp.server))
    const ports = { public: await freePort(), mtls: await freePort() }
    const broker = await spawnBroker(urls.app, tls, ports)
    stops.push(() => end(broker))
    const publicUrl = `https://localhost:${ports.public}`
    const http = createHttp({ publicUrl, mtlsUrl: `https://localhost:${ports.mtls}` }, ca.certificatePem)
    stops.push(() => http.close())
    const operator = await bootstrapTenant(http, await bootstrapSecret(urls.app))
    const registered = await registerAll(http, operator.tenantAdmin, idp.issuer, ca)
    const jwks = (await http.v1('GET', '/jwks', operator.tenantAdmin)).body
    const target = {
      host: '127.0.0.1',
      port: ports.mtls,
      tls: { ca: ca.certificatePem, servername: 'localhost', cert: agent.chainPem, key: agent.keyPem },
    }
    const subject = { issuer: idp.issuer, keys, sub: 'workload', audience: subjectAudience }
    const trafficOptions = {
      target,
      tokenPath: '/token',
      issuer: publicUrl,
      jwks,
      subject,
      resource: resourceUri,
      scope: 'orders:read',
      runName: randomBytes(4).toString('hex'),
    }
    const adminUrl = new URL(cluster.adminUrl)
    adminUrl.pathname = '/bench'
    const registrar = {
      http,
      platformAdmin: operator.platformAdmin,
      idp: { issuer: idp.issuer, keys, caPem: ca.certificatePem },
    }
    const tenant = {
      issuer: publicUrl,
      adminToken: operator.tenantAdmin,
      ca,
      certificate: agent,
      resourceSecret: registered.secrets.pop,
      x509TrustSource: registered.ids.x509,
    }
    return { pid: broker.pid!, adminUrl: adminUrl.href, trafficOptions, registrar, tenant, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function bootstrapSecret(databaseUrl: string): Promise<string> {
  const database = openDatabase(databaseUrl, { poolSize: 1 })
  try {
    return (await createBootstrapToken(database.db, Date.now()))!
  } finally {
    await database.close()
  }
}

async function publishKeys(
  tls: { chainPem: string; keyPem: string },
  jwks: unknown,
): Promise<{ server: Server; issuer: string }> {
  const server = createServer({ cert: tls.chainPem, key: tls.keyPem }, (_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(jwks))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { server, issuer: `https://localhost:${(server.address() as AddressInfo).port}` }
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
}

/**
 * What the image sets for every process in it, its compile cache included; but in production a broker refuses certificates that
 * were made for development.
 */
export function imageEnvironment(): Record<string, string> {
  const dockerfile = readFileSync(new URL('../../../deploy/docker/Dockerfile', import.meta.url), 'utf8')
  const set = [...dockerfile.matchAll(/^ENV (\w+)="?([^"\n]+)"?$/gm)].map(([, name, value]) => [name!, value!])
  const env = {
    ...Object.fromEntries(set),
    PATH: process.env['PATH'],
    NODE_ENV: 'test',
    NODE_COMPILE_CACHE: join(tmpdir(), 'mayfly-bench-compile-cache'),
  }
  execFileSync(process.execPath, [fileURLToPath(import.meta.resolve('#deploy/docker/warm-compile-cache.ts'))], { env })
  return env
}

/** The broker as one file, as the image carries it: compiled once already, without a configuration. */
async function imageBundle(env: Record<string, string>): Promise<string> {
  const file = fileURLToPath(new URL('../../../node_modules/.cache/mayfly-bench/broker.js', import.meta.url))
  await bundleBroker(file)
  spawnSync(process.execPath, [file], { env })
  return file
}

/** Waits for the line that says it is ready. Throws with what it wrote when it ends before. */
async function spawnBroker(
  databaseUrl: string,
  tls: { chainPem: string; keyPem: string },
  ports: { public: number; mtls: number },
): Promise<ChildProcess> {
  const env = imageEnvironment()
  const bundle = await imageBundle(env)
  const child = spawn(process.execPath, [bundle], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...env,
      DATABASE_URL: databaseUrl,
      MAYFLY_PORT: String(ports.public),
      MAYFLY_MTLS_PORT: String(ports.mtls),
      MAYFLY_METRICS_PORT: 'off',
      MAYFLY_TLS_CERT: tls.chainPem,
      MAYFLY_TLS_KEY: tls.keyPem,
      MAYFLY_KEK: randomBytes(32).toString('base64url'),
      MAYFLY_ALLOW_PRIVATE_ISSUERS: 'true',
      // A million live accounts of one agent are measured; by default that is more than one may have.
      MAYFLY_LIMITS: JSON.stringify({ tenant_live_accounts: 10_000_000, agent_live_accounts: 10_000_000 }),
    },
  })
  let said = ''
  const ready = new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      if (said.length < 10_000) said += chunk
      if (said.includes('broker ready')) resolve()
    }
    child.stdout!.on('data', hear)
    child.stderr!.on('data', hear)
    child.once('exit', code => reject(new Error(`The broker ended with ${code}: ${said}`)))
  })
  await ready
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(late)
}
