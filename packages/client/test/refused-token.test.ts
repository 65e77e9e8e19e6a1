// A resource refuses a token: revoked, superseded, of a key that is gone. One renewal, one more try, and no more.

import { describe, expect, test } from 'vitest'
import type { ProgressStep } from '../src/index.ts'
import { failureOf, permissions, useWorld } from './world.ts'

const world = useWorld()
const forApi = () => ({ ...permissions, resource: `${world.api.origin}/v1` })
const url = () => `${world.api.origin}/v1/x`
const refused = { status: 401, body: { refused: true }, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
const tokensSent = () => world.api.received.map(({ headers }) => headers.authorization)

describe('a token that a resource refuses', () => {
  test('is replaced once, in the same account, and the request is sent again', async () => {
    world.answerApi = ({ headers }) =>
      headers.authorization === 'Bearer token-1' ? refused : { status: 200, body: { ok: true } }
    const response = await world.client().fetch(url(), { method: 'POST', body: 'x' }, forApi())
    expect([response.status, await response.json()]).toEqual([200, { ok: true }])
    expect(world.api.received.map(({ body }) => body)).toEqual(['x', 'x'])
    expect(new URLSearchParams(world.exchanges()[1]?.body).get('account_id')).toBe('acct_1')
  })

  test('is not replaced a second time', async () => {
    world.answerApi = () => refused
    const response = await world.client().fetch(url(), undefined, forApi())
    expect([response.status, await response.json()]).toEqual([401, { refused: true }])
    expect(tokensSent()).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  test('of an account that has ended leaves the resource’s answer, whole', async () => {
    world.answerApi = () => refused
    const client = world.client({ retry: { attempts: 1 } })
    world.answerToken = () => {
      world.answerToken = () => ({ status: 400, body: { error: 'access_denied', error_description: 'The account has ended.' } })
      return world.granted()
    }
    const response = await client.fetch(url(), undefined, forApi())
    expect([response.status, await response.json()]).toEqual([401, { refused: true }])
    expect(world.api.received).toHaveLength(1)
    expect((await failureOf(client.fetch(url(), undefined, forApi()))).error).toBe('access_denied')
  })

  test('by many requests at once costs one renewal', async () => {
    world.answerApi = ({ headers }) => (headers.authorization === 'Bearer token-1' ? refused : { status: 200 })
    const client = world.client()
    const responses = await Promise.all(Array.from({ length: 8 }, () => client.fetch(url(), undefined, forApi())))
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    expect(world.exchanges()).toHaveLength(2)
  })

  test('is not replaced where the body cannot be sent twice', async () => {
    world.answerApi = () => refused
    const body = new Blob(['once']).stream()
    const response = await world.client().fetch(url(), { method: 'POST', body, duplex: 'half' }, forApi())
    expect([response.status, world.api.received.length, world.exchanges().length]).toEqual([401, 1, 1])
  })
})

describe('revokeToken', () => {
  test('gives the token to the endpoint beside the token endpoint, by the connection that proves the key', async () => {
    world.answerRevoke = () => ({ status: 200 })
    const client = world.client()
    await client.revokeToken(await client.taskToken(permissions).get())
    expect(world.mtls.received.filter(({ path }) => path === '/revoke').map(({ body }) => body)).toEqual(['token=token-1'])
  })

  test('is repeated while the broker is busy, and says why it is refused, without the token', async () => {
    let count = 0
    world.answerRevoke = () => (++count === 1 ? { status: 503 } : { status: 401, body: { error: 'invalid_client' } })
    const error = await failureOf(world.client().revokeToken('the-very-token'))
    expect([error.error, error.status, count]).toEqual(['invalid_client', 401, 2])
    expect(String(error)).not.toContain('the-very-token')
  })
})

test('progress is told step by step, never with a token, and a listener that fails costs nothing', async () => {
  const steps: ProgressStep[] = []
  let count = 0
  world.answerToken = () => (++count === 1 ? { status: 503, headers: { 'retry-after': '0' } } : world.granted())
  const onProgress = (step: ProgressStep) => {
    steps.push(step)
    throw new Error('a spinner that breaks')
  }
  await world.client({ onProgress }).taskToken(permissions).get()
  expect(steps.map(({ step }) => step)).toEqual(['discovering', 'exchanging', 'waiting', 'exchanging', 'issued'])
  expect(steps[2]).toMatchObject({ attempt: 1, error: 'temporarily_unavailable' })
  expect(steps[4]).toMatchObject({ accountId: 'acct_1', taskId: 'tsk_1', resource: permissions.resource })
  expect(JSON.stringify(steps)).not.toContain('token-1')
})
