// What `docker compose up` promises, walked through on a real engine: the chapters in order, each standing on those before.

import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import { type Answer, call } from './https.ts'
import type { Report } from './report.ts'
import { type Stack, until } from './stack.ts'
import { resource, World } from './world.ts'

const refused = ({ status, body }: Answer, expected: number, error?: string): string => {
  assert.equal(status, expected, JSON.stringify(body))
  if (error) assert.equal(body['error'], error)
  return `${status} ${body['error'] ?? body['title'] ?? ''}`
}

/** The token as a resource sees it that knows nothing but the issuer's keys. */
async function verify(world: World, token: string): Promise<JWTPayload> {
  const { body } = await call(world.caPem, `${world.stack.publicUrl}/jwks`)
  const expected = { issuer: world.stack.publicUrl, audience: resource, typ: 'at+jwt' }
  const { payload } = await jwtVerify(token, createLocalJWKSet(body as unknown as JSONWebKeySet), expected)
  return payload
}

export async function tellIsolation({ step, chapter }: Report, stack: Stack): Promise<void> {
  chapter('Each service is shut in')
  for (const service of ['broker', 'worker', 'idp', 'postgres', 'redis'])
    await step(`${service}: not root, read-only root, no capabilities`, async () => {
      const { HostConfig, Config } = (await stack.inspect(service)) as Record<string, Record<string, unknown>>
      const status = await stack.exec(service, 'cat', '/proc/1/status')
      assert.match(status, /^CapEff:\s0+$/m)
      assert.match(status, /^CapBnd:\s0+$/m)
      assert.match(status, /^NoNewPrivs:\s1$/m)
      assert.equal(HostConfig!['ReadonlyRootfs'], true)
      assert.ok(!/^Uid:\s0\s/m.test(status), 'it runs as root')
      return `uid ${/^Uid:\s(\d+)/m.exec(status)?.[1]}, image ${String(Config!['Image'])}`
    })
  await step('only the broker is published, on loopback', async () => {
    for (const service of ['broker', 'worker', 'idp', 'postgres', 'redis']) {
      const { HostConfig } = (await stack.inspect(service)) as Record<string, Record<string, object>>
      const bindings = Object.values(HostConfig!['PortBindings'] ?? {}).flat() as { HostIp: string }[]
      assert.equal(bindings.length > 0, service === 'broker')
      assert.ok(bindings.every(({ HostIp }) => HostIp === '127.0.0.1'))
    }
    return undefined
  })
  await step('secrets are 0600, and the provider holds no key of the broker', async () => {
    const modes = await stack.exec('broker', 'sh', '-c', 'stat -c "%a %u" /run/mayfly/*')
    assert.deepEqual([...new Set(modes.split('\n'))], ['600 10001'])
    assert.equal(await stack.exec('idp', 'ls', '/run/mayfly'), 'tls-cert.pem\ntls-key.pem')
    return undefined
  })
  await step('the provider shares a network with the broker alone, and the databases’ leads nowhere', async () => {
    const networksOf = async (service: string) =>
      Object.keys(((await stack.inspect(service)) as { NetworkSettings: { Networks: object } }).NetworkSettings.Networks)
        .map(name => name.replace(/^.*_/, ''))
        .sort()
    assert.deepEqual(await networksOf('idp'), ['issuers'])
    for (const service of ['postgres', 'redis']) assert.deepEqual(await networksOf(service), ['data'])
    assert.deepEqual(await networksOf('worker'), ['data', 'edge'])
    assert.deepEqual(await networksOf('broker'), ['data', 'edge', 'issuers'])
    return undefined
  })
  await step('PostgreSQL keeps checksums and asks for scram, Redis never evicts and appends to a file', async () => {
    assert.equal(await stack.query('show data_checksums'), 'on')
    assert.equal(await stack.query('show fsync'), 'on')
    const methods = await stack.query(`select string_agg(distinct auth_method, ',') from pg_hba_file_rules`)
    assert.equal(methods, 'scram-sha-256')
    const redis = 'REDISCLI_AUTH=$(cat /run/mayfly/password) redis-cli config get "$0" | tail -1'
    assert.equal(await stack.exec('redis', 'sh', '-c', redis, 'maxmemory-policy'), 'noeviction')
    assert.equal(await stack.exec('redis', 'sh', '-c', redis, 'appendonly'), 'yes')
    assert.match(await stack.exec('redis', 'redis-cli', 'ping'), /NOAUTH/)
    return undefined
  })
}

export async function tellRegistration({ step, chapter }: Report, world: World): Promise<void> {
  chapter('The first operator comes')
  const { stack } = world
  await step('the bootstrap token makes the first tenant and its operators, once', async () => {
    const token = await stack.exec('broker', 'cat', '/operator/bootstrap-token')
    const body = { tenant: { slug: 'acme', name: 'Acme Ltd' } }
    const first = await world.manage('/v1/bootstrap', body, token)
    assert.equal(first.status, 201, JSON.stringify(first.body))
    const operators = (first.body as { operators?: unknown }).operators as { role: string; token: string }[]
    world.platformAdmin = operators.find(({ role }) => role === 'platform-admin')!.token
    world.tenantAdmin = operators.find(({ role }) => role === 'tenant-admin')!.token
    return `again: ${refused(await world.manage('/v1/bootstrap', body, token), 401)}`
  })
  await step('provider, certificate authority, resource and agent are registered', () => world.registerAll())
  await step('no credential: 401; another role’s: 403', async () => {
    refused(await call(world.caPem, `${stack.publicUrl}/v1/agents`), 401)
    refused(await world.manage('/v1/tenants', { slug: 'other', name: 'Other' }), 403)
    return refused(await world.manage('/v1/agents', undefined, world.platformAdmin), 403)
  })
}

export async function tellTheCall({ step, chapter }: Report, world: World): Promise<string> {
  chapter('An agent gets a token for its task')
  const workload = await world.workloadToken('42')
  let token = ''
  await step('certificate and workload token in, task token out', async () => {
    token = await world.obtain(workload)
    const { account_id, task_id, exp, iat } = decodeJwt(token)
    return `${account_id}, ${task_id}, ${exp! - iat!} s`
  })
  await step('it verifies by the published keys, and is bound to the certificate', async () => {
    const { cnf } = (await verify(world, token)) as { cnf?: Record<string, string> }
    const fingerprint = new X509Certificate(world.certificate.certificatePem).fingerprint256.replaceAll(':', '')
    assert.equal(cnf?.['x5t#S256'], Buffer.from(fingerprint, 'hex').toString('base64url'))
    return undefined
  })
  await step('its receipt is in the log', async () => {
    assert.equal(await world.countLeaves(String(decodeJwt(token)['evt'])), 1)
    return `${await world.stack.query('select size from log.head')} entries`
  })
  chapter('and others do not')
  const refusals: [string, () => Promise<Answer>, number, string?][] = [
    ['without the certificate', () => world.exchange(workload, { certificate: undefined as never }), 401, 'invalid_client'],
    ['with a thief’s own certificate', () => world.exchange(workload, { certificate: world.thief }), 401, 'invalid_client'],
    ['beyond the ceiling', () => world.exchange(workload, { form: { scope: 'orders:write' } }), 400],
    ['for a resource that nobody registered', () => world.exchange(workload, { form: { resource: 'https://x.example' } }), 400],
    [
      'with a token meant for somebody else',
      async () => world.exchange(await world.workloadToken('42', 'https://other.example')),
      400,
    ],
    ['in another run’s account', async () => world.exchange(await world.workloadToken('43')), 400],
    ['with a body that is no form', () => call(world.caPem, `${world.stack.mtlsUrl}/token`, { json: {} }), 415],
  ]
  for (const [title, work, status, error] of refusals) await step(title, async () => refused(await work(), status, error))
  return token
}

export async function tellFailures({ step, chapter }: Report, world: World, token: string): Promise<void> {
  chapter('Things break')
  const { stack } = world
  const evt = String(decodeJwt(token)['evt'])
  await step('kill -9 of the broker: it comes back by itself, nothing acknowledged is lost', async () => {
    const { restarts } = await stack.state('broker')
    const last = decodeJwt(await world.obtain(await world.workloadToken('42'), { task_id: 'report-1' }))
    const start = performance.now()
    await stack.exec('broker', 'node', '-e', killNode).catch(() => {})
    await until('the broker is back', 60_000, async () => {
      const state = await stack.state('broker')
      return state.restarts > restarts && state.health === 'healthy'
    })
    assert.equal(await world.countLeaves(evt), 1)
    assert.equal(await world.countLeaves(String(last['evt'])), 1)
    await verify(world, token)
    return `healthy after ${((performance.now() - start) / 1000).toFixed(1)} s`
  })
  await step('Redis stopped: tokens go on', async () => {
    await stack.compose('stop', 'redis')
    await world.obtain(await world.workloadToken('44'), { task_id: 'without-redis' })
    assert.equal((await stack.state('worker')).status, 'running')
    await stack.compose('start', 'redis')
    return undefined
  })
  await step('PostgreSQL killed: 503 and no token; back, and the log is whole', async () => {
    const workload = await world.workloadToken('45')
    const size = Number(await stack.query('select size from log.head'))
    await stack.compose('kill', '--signal', 'KILL', 'postgres')
    const answer = refused(await world.exchange(workload, { form: { task_id: 'without-postgres' } }), 503)
    await stack.compose('start', 'postgres')
    await until('tokens are had again', 60_000, async () => {
      const { status } = await world.exchange(workload, { form: { task_id: 'with-postgres' } })
      return status === 200
    })
    assert.equal(await world.countLeaves(evt), 1)
    assert.ok(Number(await stack.query('select size from log.head')) > size)
    assert.equal(await stack.query('select count(*) = max(position) - min(position) + 1 from log.entry'), 't')
    return answer
  })
  await step('a second `up` changes no secret and leaves no new bootstrap token', async () => {
    const secrets = () => stack.exec('broker', 'sh', '-c', 'cat /run/mayfly/* | sha256sum')
    const before = await secrets()
    await stack.compose('up', '-d', '--wait', '--wait-timeout', '120')
    assert.equal(await secrets(), before)
    assert.equal(await stack.exec('broker', 'ls', '/operator'), '')
    return undefined
  })
  for (const service of ['broker', 'worker', 'idp'])
    await step(`${service} ends gracefully`, async () => {
      await stack.compose('stop', service)
      assert.equal((await stack.state(service)).exitCode, 0)
      return undefined
    })
}

/** A process cannot kill PID 1 of its own container, so it kills the one below: Node itself. */
const killNode = `
  const { readdirSync, readFileSync } = require('node:fs')
  const isBroker = pid => { try { return readFileSync('/proc/' + pid + '/cmdline', 'utf8').includes('entrypoint.ts\\0broker') } catch {} }
  for (const pid of readdirSync('/proc')) if (/^\\d+$/.test(pid) && pid !== '1' && isBroker(pid)) process.kill(Number(pid), 'SIGKILL')`

export async function openWorld({ step, chapter }: Report, stack: Stack): Promise<World> {
  chapter('It answers')
  let world: World | undefined
  await step('HTTPS with a certificate of its own authority', async () => {
    world = await World.create(stack, await stack.exec('broker', 'cat', '/run/mayfly/ca.pem'))
    const { status } = await call(world.caPem, `${stack.publicUrl}/openapi.json`)
    assert.equal(status, 200)
    return undefined
  })
  await step('health and metrics on a port of their own', async () => {
    assert.equal((await fetch(`${stack.metricsUrl}/readyz`)).status, 200)
    assert.match(await (await fetch(`${stack.metricsUrl}/metrics`)).text(), /^mayfly_ready 1$/m)
    return undefined
  })
  await step('the worker takes its jobs from BullMQ on Redis, without an error', async () => {
    const keys = 'REDISCLI_AUTH=$(cat /run/mayfly/password) redis-cli --scan --pattern "mayfly:housekeeping:*"'
    await until('a job is scheduled', 20_000, async () => (await stack.exec('redis', 'sh', '-c', keys)).includes('repeat'))
    const log = await stack.compose('logs', '--no-color', '--no-log-prefix', 'worker')
    assert.match(log, /"backend":"redis"/)
    assert.doesNotMatch(log, /"level":"(?:warn|error|fatal)"/)
    return undefined
  })
  return world!
}
