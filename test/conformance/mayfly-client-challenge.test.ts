// `@mayfly/client` at a resource that takes only tokens which carry a nonce of its own (replay mode `challenge`).

import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { freePort } from '#test/setup/free-port.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { createMayflyClient, type MayflyClient } from '../../packages/client/src/index.ts'
import { mayfly } from '../../packages/guard/src/adapters/fastify.ts'

const broker = useBroker()
let app: FastifyInstance
let client: MayflyClient
let url: string
let handled = 0

beforeAll(async () => {
  const { running } = broker
  url = `https://localhost:${await freePort()}/api`
  const resource = {
    uri: url,
    name: 'Challenging',
    replay: 'challenge',
    scopes: [{ name: 'orders:read', description: 'Read orders' }],
    details_types: [],
    enforces: ['cnf', 'rar'],
  }
  expect((await running.v1('POST', '/v1/resources', resource)).status).toBe(201)
  const { chainPem, keyPem } = await issueServerCertificate(running.ca, { hosts: ['localhost'], now: new Date() })
  const https = { cert: chainPem, key: keyPem, ca: running.ca.certificatePem, requestCert: true, rejectUnauthorized: false }
  app = Fastify({ https }) as never
  const { id } = (await running.v1('GET', '/v1/resources')).body.items.find(({ uri }: { uri: string }) => uri === url)
  const secret = (await running.v1('POST', `/v1/resources/${id}/credentials`, { name: 'guard' })).body
  await app.register(mayfly, {
    issuer: running.issuer,
    resource: url,
    tls: { ca: running.ca.certificatePem },
    credential: secret.secret ?? secret.token,
    replay: ['challenge'],
  })
  app.post('/api/orders', { config: { mayfly: { scope: ['orders:read'] } } }, async request => {
    handled++
    return { got: request.body }
  })
  await app.listen({ host: '127.0.0.1', port: Number(new URL(url).port) })
  const { chainPem: cert, keyPem: key } = running.certificate
  client = createMayflyClient({
    issuer: running.issuer,
    ca: running.ca.certificatePem,
    certificate: { cert, key },
    subjectToken: () => running.mint(),
  })
})
afterAll(async () => {
  await client?.close()
  await app?.close()
})

test('gets a nonce first and then a token for it, for each call another, and the call has its effect once', async () => {
  const permissions = { resource: url, scope: 'orders:read', taskId: 'challenged' }
  const body = JSON.stringify({ item: 1 })
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
  for (const count of [1, 2, 3]) {
    const response = await client.fetch(`${url}/orders`, init, permissions)
    expect([response.status, await response.json()]).toEqual([200, { got: { item: 1 } }])
    expect(handled).toBe(count)
  }
  const events = (await readLog(broker.database.admin)).map(({ leaf }) => leaf.type as string)
  // Only the first call had to learn that this resource is one of those.
  expect(events.filter(type => type === 'token.denied')).toHaveLength(1)
  expect(events.filter(type => type === 'account.opened')).toHaveLength(1)
})
