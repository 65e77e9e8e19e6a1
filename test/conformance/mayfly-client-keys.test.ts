// packages/client against a real broker with keys that the agent's registration names: private_key_jwt and DPoP, without any certificate.

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt } from 'jose'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { createMayflyClient, type MayflyClient, type MayflyClientOptions } from '../../packages/client/src/index.ts'

const broker = useBroker()
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ed25519').privateKey
const jwkOf = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' })
const asked = { resource: resourceUri, scope: 'orders:read' }

const open: MayflyClient[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(client => client.close()))
})

beforeAll(async () => {
  const { running } = broker
  const source = await running.v1('POST', '/v1/trust-sources', { kind: 'pinned', name: 'keys' })
  expect(source.status).toBe(201)
  const changed = await changeRegistration(running, `/v1/agents/${running.ids.agent}`, ({ rules }) => ({
    rules: [...rules, { trust_source: source.body.id, jwk: jwkOf(privateKey) }],
  }))
  expect(changed.status).toBe(200)
})

function newClient(options: Partial<MayflyClientOptions>): MayflyClient {
  const { running } = broker
  const client = createMayflyClient({ issuer: running.issuer, ca: running.ca.certificatePem, ...options })
  open.push(client)
  return client
}
const asAgent = (key: KeyObject = privateKey) => ({ clientAssertion: { clientId: broker.running.ids.agent, privateKey: key } })
const bound = (key: KeyObject = privateKey) => ({ dpop: { privateKey: key } })
const get = (client: MayflyClient, taskId: string) => client.taskToken({ ...asked, taskId }).get()

test('the agent itself is the subject, and its token is bound to the same key by DPoP', async () => {
  const value = await get(newClient({ ...asAgent(), ...bound() }), 'as-itself')
  expect(value.tokenType).toBe('DPoP')
  const claims = decodeJwt(value.accessToken)
  expect(claims).toMatchObject({
    client_id: broker.running.ids.agent,
    cnf: { jkt: await calculateJwkThumbprint(jwkOf(privateKey) as never) },
  })
})

test('renews as itself in its account, with an assertion that was never used before', async () => {
  const token = newClient({ ...asAgent(), ...bound() }).taskToken({ ...asked, taskId: 'renews' }, { reuse: false })
  const [first, second, third] = [await token.get(), await token.get(), await token.get()]
  expect(new Set([first.accountId, second.accountId, third.accountId]).size).toBe(1)
})

test('a workload token that is bound to nothing is proven by the registered key alone', async () => {
  const value = await get(newClient({ subjectToken: () => broker.running.mint(), ...bound() }), 'by-key')
  expect(value.tokenType).toBe('DPoP')
})

test.each<[name: string, options: () => Partial<MayflyClientOptions>]>([
  ['an assertion of another key', () => ({ ...asAgent(stranger), ...bound() })],
  [
    'a workload token with a key that nobody registered',
    () => ({ subjectToken: () => broker.running.mint(), ...bound(stranger) }),
  ],
  ['a workload token with a new key', () => ({ subjectToken: () => broker.running.mint(), dpop: true as const })],
])('%s gets nothing: invalid_client', async (_, options) => {
  await expect(get(newClient(options()), 'refused')).rejects.toMatchObject({ error: 'invalid_client', status: 401 })
})

test('the key of one agent does not authenticate another', async () => {
  const { running } = broker
  const elsewhere = { ...asAgent().clientAssertion, clientId: running.ids.bearerAgent }
  const refused = get(newClient({ clientAssertion: elsewhere, ...bound() }), 'refused')
  await expect(refused).rejects.toMatchObject({ error: 'invalid_client' })
})
