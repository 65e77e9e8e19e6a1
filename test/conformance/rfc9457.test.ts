// RFC 9457, problem details: the form of errors everywhere but at the OAuth endpoints.

import { describe, expect, test } from 'vitest'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()

describe('/v1 and the endpoints of guards answer errors as problems', () => {
  const json = { 'content-type': 'application/json' }
  test.each([
    ['no credential', 'GET', '/v1/agents', {}, undefined, 401],
    ['an agent’s guard without credential', 'POST', '/consume', json, '{}', 401],
    ['decisions without credential', 'POST', '/v1/decisions', json, '{"decisions":[]}', 401],
    ['an unknown path', 'GET', '/v1/nothing', {}, undefined, 404],
    ['an unknown path outside /v1', 'GET', '/nothing', {}, undefined, 404],
    ['a wrong method', 'PATCH', '/v1/agents', {}, undefined, 405],
    ['an unreadable URL', 'GET', '/v1/%zz', {}, undefined, 400],
    ['a body that is not even read', 'POST', '/consume', { 'content-type': 'text/plain' }, '{', 401],
  ] as const)('%s', async (_what, method, path, headers, body, status) => {
    const answer = await broker.https.send(`${broker.running.issuer}${path}`, { method, headers, body })
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.body).toMatchObject({
      type: expect.stringMatching(/^urn:mayfly:error:[a-z_]+$/),
      title: expect.any(String),
      status: answer.status,
      instance: expect.stringMatching(/^req_[0-9a-f]{32}$/),
    })
    if (answer.status === 401) expect(answer.headers['www-authenticate']).toBe('Bearer realm="mayfly"')
  })

  test('a guard’s wrong body, media type and id', async () => {
    const authorization = `Bearer ${broker.running.resourceSecrets.once}`
    const send = (path: string, body: string | undefined, type = 'application/json') =>
      broker.https.send(`${broker.running.issuer}${path}`, {
        method: 'POST',
        headers: { authorization, 'content-type': type },
        body,
      })
    expect((await send('/consume', '{}', 'text/plain')).status).toBe(415)
    for (const [path, body] of [
      ['/consume', undefined],
      ['/consume', '{}'],
      ['/consume', '{"token_id":"x","nonce":"12345678","exp":99999999999}'],
      ['/consume', '{"token_id":"x","token_id":"y","nonce":"12345678","exp":99999999999}'],
      ['/v1/decisions', '{"decisions":[]}'],
      ['/v1/decisions', '{"decisions":[{"time":1,"outcome":"allow","reason":"Not a word"}]}'],
    ] as const) {
      const answer = await send(path, body)
      expect(answer.status).toBe(400)
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    }
  })

  test('an operator’s wrong body is pointed at member by member', async () => {
    const { status, body } = await broker.running.v1('POST', '/v1/agents', { name: 1, 'a/b': 2 })
    expect(status).toBe(400)
    expect(body.errors).toEqual(expect.arrayContaining([{ pointer: '/name', detail: 'This must be a string.' }]))
    expect(body.errors.map((error: { pointer: string }) => error.pointer)).toContain('/a~1b')
  })
})

test('OAuth endpoints never answer problems', async () => {
  const { headers, body } = await broker.https.send(`${broker.running.issuer}/token`, { method: 'POST' })
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  expect(body.error).toBe('invalid_request')
})
