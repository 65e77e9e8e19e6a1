// The client package as a stranger at a real broker.

import { decodeJwt } from 'jose'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { resourceUri } from '#test/setup/registration.ts'
import { newStranger } from '#test/setup/stranger.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { createMayflyClient, type MayflyClient, type MayflyClientOptions } from '../../../packages/client/src/index.ts'

const broker = useBroker()
const open: MayflyClient[] = []
beforeAll(async () => {
  const { running } = broker
  const agent = await running.v1('POST', '/v1/agents', {
    name: 'strangers',
    owner: 'front desk',
    review_on: '2099-01-31',
    rules: [],
    ceiling: { scope: 'orders:read' },
  })
  const path = `/v1/tenants/${running.ids.tenant}/anonymous`
  expect((await running.v1('PUT', path, { agent: agent.body.id }, running.platformToken)).status).toBe(200)
})
afterEach(() => Promise.all(open.splice(0).map(client => client.close())))

function clientOf(options: Partial<MayflyClientOptions>): MayflyClient {
  const client = createMayflyClient({
    issuer: broker.running.issuer,
    ca: broker.running.ca.certificatePem,
    stranger: true,
    ...options,
  })
  open.push(client)
  return client
}

test('a stranger with a DPoP key works for its account once, and renews by its key', async () => {
  const tokens = clientOf({ dpop: true }).taskToken({ resource: resourceUri, scope: 'orders:read', taskId: 'errand' })
  const first = await tokens.get()
  expect(decodeJwt(first.accessToken)).toMatchObject({ cnf: { jkt: expect.any(String) }, task_id: 'errand' })
  expect(first.claimUri).toContain('/claim#')
  tokens.drop()
  expect((await tokens.get()).accountId).toBe(first.accountId)
})

test('a stranger with a certificate of nobody’s does so too', async () => {
  const { certificate } = await newStranger(broker.running)
  const client = clientOf({ certificate: { cert: certificate.chainPem, key: certificate.keyPem } })
  const { accessToken } = await client.taskToken({ resource: resourceUri, scope: 'orders:read', taskId: 'other' }).get()
  expect(decodeJwt(accessToken)).toMatchObject({ cnf: { 'x5t#S256': expect.any(String) } })
})

test('a stranger without a key is refused before anything is sent', () => {
  expect(() => clientOf({})).toThrow(TypeError)
})
