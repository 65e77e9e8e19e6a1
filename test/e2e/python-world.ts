// What the Python client is tested against: agents of its own at a running broker, three guarded resources on real TLS (one for
// each replay mode), and a place to fetch workload tokens, which speaks as GitHub Actions does.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import { createDevCa, type IssuedCertificate, issueClientCertificate, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { freePort } from '#test/setup/free-port.ts'
import { type RunningBroker, subjectAudience } from '#test/setup/running-broker.ts'
import { mayfly } from '../../packages/guard/src/adapters/fastify.ts'

const modes = ['pop', 'once', 'challenge'] as const
type Mode = (typeof modes)[number]
const uri = 'spiffe://test.example/python'
const actionsSecret = 'secret-of-the-job'

export interface PythonWorld {
  /** A JSON file that tells the Python tests of everything here. */
  readonly file: string
  close(): Promise<void>
}

/** Starts it all. Throws where a registration is refused. */
export async function startPythonWorld(running: RunningBroker): Promise<PythonWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-python-'))
  const now = new Date()
  const server = await issueServerCertificate(running.ca, { hosts: ['localhost'], now })
  const agent = await issueClientCertificate(running.ca, { uris: [uri], now })
  const ports = { pop: await freePort(), once: await freePort(), challenge: await freePort() }
  const resourceOf = (mode: Mode): string => `https://localhost:${ports[mode]}/v1`
  const secrets = await registerResources(running, resourceOf)
  const agents = await registerAgents(running, modes.map(resourceOf))
  const apis: FastifyInstance[] = []
  for (const mode of modes)
    apis.push(await startApi(running, server, { mode, resource: resourceOf(mode), port: ports[mode], secret: secrets[mode] }))
  const tokens = await startTokens(running, server)
  const save = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const file = save(
    'world.json',
    JSON.stringify({
      issuer: running.issuer,
      ca: save('ca.pem', running.ca.certificatePem),
      other_ca: save('other-ca.pem', (await createDevCa({ now })).certificatePem),
      certificate: save('agent.pem', agent.chainPem),
      key: save('agent.key', agent.keyPem),
      resources: Object.fromEntries(modes.map(mode => [mode, resourceOf(mode)])),
      agents,
      audience: subjectAudience,
      tokens: { url: tokens.url, secret: actionsSecret },
    }),
  )
  return {
    file,
    async close() {
      await Promise.all(apis.map(api => api.close()))
      await tokens.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function registerResources(running: RunningBroker, resourceOf: (mode: Mode) => string): Promise<Record<Mode, string>> {
  const secrets: Partial<Record<Mode, string>> = {}
  for (const replay of modes) {
    const id = await create(running, '/v1/resources', {
      uri: resourceOf(replay),
      name: replay,
      replay,
      scopes: [
        { name: 'orders:read', description: 'Read orders' },
        { name: 'orders:write', description: 'Change orders' },
      ],
      details_types: ['agent_http'],
      enforces: ['cnf', 'rar'],
      proof: 'any',
    })
    const answer = await running.v1('POST', `/v1/resources/${id}/credentials`, { name: 'guard' })
    secrets[replay] = answer.body.secret ?? answer.body.token
  }
  return secrets as Record<Mode, string>
}

async function registerAgents(running: RunningBroker, resources: readonly string[]): Promise<{ bound: string; bearer: string }> {
  const { openid, x509 } = running.ids
  const details = (methods: string[], uri_template: string) =>
    resources.map(resource => ({ type: 'agent_http', locations: [resource], methods, uri_template }))
  const permission = [...details(['GET'], '/orders/{id}'), ...details(['POST'], '/payments')]
  const agent = {
    owner: 'team@test.example',
    review_on: '2099-01-01',
    ceiling: { scope: 'orders:read', authorization_details: permission },
  }
  const claims = { instance_claims: ['run_id'], task_claims: ['run_id'] }
  const bound = await create(running, '/v1/agents', {
    ...agent,
    name: 'python',
    rules: [
      { trust_source: openid, claims: { sub: 'python' } },
      { trust_source: x509, san_uri: uri },
    ],
    settings: claims,
  })
  const bearer = await create(running, '/v1/agents', {
    ...agent,
    name: 'python-bearer',
    rules: [{ trust_source: openid, claims: { sub: 'python-bearer' } }],
    settings: { binding: 'bearer', ...claims },
  })
  return { bound, bearer }
}

async function create(running: RunningBroker, path: string, body: unknown): Promise<string> {
  const answer = await running.v1('POST', path, body)
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.text}`)
  return answer.body.id
}

async function startApi(
  running: RunningBroker,
  server: IssuedCertificate,
  api: { mode: Mode; resource: string; port: number; secret: string },
): Promise<FastifyInstance> {
  const ca = running.ca.certificatePem
  const https = { cert: server.chainPem, key: server.keyPem, ca, requestCert: true, rejectUnauthorized: false }
  const app = Fastify({ https, forceCloseConnections: true }) as unknown as FastifyInstance
  await app.register(mayfly, {
    issuer: running.issuer,
    resource: api.resource,
    tls: { ca },
    credential: api.secret,
    replay: [api.mode],
    report: false,
  })
  app.get('/v1/orders/:id', async request => ({ id: (request.params as { id: string }).id, asked_by: request.mayfly?.token.sub }))
  app.post('/v1/payments', async request => ({ paid: request.body }))
  await app.listen({ host: '127.0.0.1', port: api.port })
  return app
}

/** Answers as GitHub does to a job; `sub` and `run` of the URL say who the job is. */
async function startTokens(running: RunningBroker, server: IssuedCertificate) {
  const answer = (request: IncomingMessage): [number, object] => {
    const query = new URL(request.url ?? '', 'https://localhost').searchParams
    if (request.headers.authorization !== `Bearer ${actionsSecret}`) return [401, {}]
    const value = running.mint({
      sub: query.get('sub') ?? 'python',
      aud: query.get('audience') ?? subjectAudience,
      runId: query.get('run') ?? 'run-1',
    })
    return [200, { count: value.length, value }]
  }
  const https = createServer({ cert: server.chainPem, key: server.keyPem }, (request, response) => {
    const [status, body] = answer(request)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => https.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://localhost:${(https.address() as AddressInfo).port}/token?api-version=2.0`,
    close: () =>
      new Promise<void>(resolve => {
        https.close(() => resolve())
        https.closeAllConnections()
      }),
  }
}
