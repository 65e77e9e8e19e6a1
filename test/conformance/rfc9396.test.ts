// RFC 9396, rich authorization requests.

import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { onceResourceUri, resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const entry = { type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/42' }
const ask = (authorization_details: string, changes: Record<string, string | undefined> = {}) =>
  broker.running.token(
    broker.running.form({ task_id: 't', scope: undefined, authorization_details, ...changes }),
    broker.running.certificate,
  )
const json = (value: unknown) => JSON.stringify(value)

test('what was granted stands in the answer and in the token, equal and in normal form (§§ 7, 9.1)', async () => {
  const loose = { ...entry, methods: ['get', 'GET'], locations: ['HTTPS://orders.example:443/api'] }
  const { status, body } = await ask(json([loose, entry]))
  expect(status).toBe(200)
  expect(body.authorization_details).toEqual([entry])
  expect(decodeJwt(body.access_token)['authorization_details']).toEqual([entry])
  expect(body).not.toHaveProperty('scope')
  expect(decodeJwt(body.access_token)).not.toHaveProperty('scope')
})

describe('invalid_authorization_details (§ 5)', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  test.each<[string, string, string]>([
    ['an unknown type', json([{ ...entry, type: 'payment_initiation' }]), 'payment_initiation'],
    ['no type', json([{ ...entry, type: undefined }]), 'type'],
    ['an unknown field', json([{ ...entry, datatypes: ['x'] }]), 'datatypes'],
    ['a field of the wrong type', json([{ ...entry, methods: 'GET' }]), 'methods'],
    ['a wrong value', json([{ ...entry, uri_template: 'orders' }]), 'uri_template'],
    ['a missing field', json([{ ...entry, locations: undefined }]), 'locations'],
    ['an object instead of an array', json(entry), 'array'],
    ['a string instead of an entry', json(['agent_http']), 'object'],
    ['no JSON', 'agent_http', 'position 0'],
    ['doubled JSON keys', json([entry]).replace('"methods"', '"methods":["POST"],"methods"'), 'duplicate'],
    [
      'a doubled key that is written in two ways',
      json([entry]).replace('"methods"', '"m\\u0065thods":["POST"],"methods"'),
      'duplicate',
    ],
    ['trailing text', `${json([entry])}[]`, 'position'],
    ['__proto__', `[{"__proto__":{},${json(entry).slice(1)}]`, ''],
    ['nesting beyond any use', nested(1000), 'deep'],
    ['65 entries', json(Array.from({ length: 65 }, () => entry)), '64'],
    ['another resource’s location', json([{ ...entry, locations: [onceResourceUri] }]), 'location'],
    ['another method', json([{ ...entry, methods: ['DELETE'] }]), 'DELETE'],
    ['a wider path', json([{ ...entry, uri_template: '/{anything}/{id}' }]), 'not within the ceiling'],
    ['one entry within and one beyond', json([entry, { ...entry, methods: ['POST'] }]), 'POST'],
  ])('%s', async (_what, text, word) => {
    const { status, body } = await ask(text)
    expect([status, body.error]).toEqual([400, 'invalid_authorization_details'])
    expect(body.error_description).toContain(word)
  })
})

test('allow_narrowing drops whole entries that go too far, and says what is left', async () => {
  const { status, body } = await ask(json([entry, { ...entry, methods: ['POST'] }]), { allow_narrowing: 'true' })
  expect(status).toBe(200)
  expect(body.authorization_details).toEqual([entry])
  const nothing = await ask(json([{ ...entry, methods: ['POST'] }]), { allow_narrowing: 'true' })
  expect([nothing.status, nothing.body.error]).toEqual([400, 'invalid_authorization_details'])
})

test('an empty list asks for nothing, which is refused where nothing else is asked', async () => {
  expect((await ask('[]')).status).toBe(400)
  const { body } = await ask('[]', { scope: 'orders:read' })
  expect(body).not.toHaveProperty('authorization_details')
})

test('a resource that does not enforce details gets none (invalid_target)', async () => {
  const { running } = broker
  const uri = 'https://plain.example/'
  const made = await running.v1('POST', '/v1/resources', {
    uri,
    name: 'Plain',
    scopes: [{ name: 'orders:read', description: 'x' }],
    enforces: ['cnf'],
    proof: 'any',
  })
  expect(made.status).toBe(201)
  const { body } = await ask(json([{ ...entry, locations: [uri] }]), { resource: uri })
  expect(['invalid_authorization_details', 'invalid_target']).toContain(body.error)
})
