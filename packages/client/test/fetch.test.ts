// Calling a resource through the client.

import { describe, expect, test } from 'vitest'
import { failureOf, permissions, useWorld } from './world.ts'

const world = useWorld()

describe('fetch', () => {
  const forApi = () => ({ ...permissions, resource: `${world.api.origin}/v1` })

  test('sends token and certificate, and keeps the token', async () => {
    const client = world.client()
    const response = await client.fetch(`${world.api.origin}/v1/orders/42`, undefined, forApi())
    expect(await response.json()).toEqual({ ok: true })
    await client.fetch(`${world.api.origin}/v1/orders/43`, { method: 'POST', body: '{}' }, forApi())
    expect(world.api.received.map(one => [one.method, one.path, one.headers.authorization])).toEqual([
      ['GET', '/v1/orders/42', 'Bearer token-1'],
      ['POST', '/v1/orders/43', 'Bearer token-1'],
    ])
  })
  test.each(['https://thief.example/v1/x', '/v2/x', '/v1x', '/v1/../admin', '/v1/..%2Fadmin', '/v1/%2e%2e%5cadmin'])(
    'sends no token to %s',
    async target => {
      const url = new URL(target, world.api.origin)
      const client = world.client()
      expect((await failureOf(client.fetch(url, undefined, forApi()))).error).toBe('invalid_use')
      expect((await failureOf(client.fetch(url, undefined, client.taskToken(forApi())))).error).toBe('invalid_use')
      expect([...world.api.received, ...world.exchanges()]).toHaveLength(0)
    },
  )
  test('returns a redirect as it is', async () => {
    world.answerApi = () => ({ status: 302, headers: { location: `${world.plain.origin}/steal` } })
    expect((await world.client().fetch(`${world.api.origin}/v1/x`, undefined, forApi())).status).toBe(302)
    expect(world.plain.received.some(one => one.path === '/steal')).toBe(false)
  })
  test('answers a resource’s nonce once, in the same account', async () => {
    world.answerToken = form => world.granted({ access_token: `token-for-${form.get('nonce') ?? 'none'}` })
    world.answerApi = ({ headers }) =>
      headers.authorization === 'Bearer token-for-n1' ? { status: 200 } : { status: 401, headers: { 'task-nonce': 'n1' } }
    const response = await world.client().fetch(`${world.api.origin}/v1/x`, { method: 'POST', body: 'x' }, forApi())
    expect(response.status).toBe(200)
    expect(world.api.received.map(one => one.body)).toEqual(['x', 'x'])
    const last = new URLSearchParams(world.exchanges().at(-1)?.body)
    expect([last.get('nonce'), last.get('account_id')]).toEqual(['n1', 'acct_1'])
  })
  test('asks the resource for a nonce before there is a token only where the broker says that it takes one', async () => {
    let words = 'The request is malformed: scope is not known.'
    world.answerToken = form =>
      form.has('nonce')
        ? world.granted({ access_token: 'token-for-n1' })
        : { status: 400, body: { error: 'invalid_request', error_description: words } }
    world.answerApi = ({ headers }) =>
      headers.authorization === 'Bearer token-for-n1' ? { status: 200 } : { status: 401, headers: { 'task-nonce': 'n1' } }
    const remove = () => world.client().fetch(`${world.api.origin}/v1/x`, { method: 'DELETE' }, forApi())
    expect((await failureOf(remove())).error).toBe('invalid_request')
    expect(world.api.received).toHaveLength(0)
    words = 'Send nonce: this resource takes only tokens that carry the nonce of its own challenge.'
    expect((await remove()).status).toBe(200)
  })
  test('answers it for a token of the caller’s, too', async () => {
    world.answerToken = form => world.granted({ access_token: `token-for-${form.get('nonce') ?? 'none'}` })
    world.answerApi = ({ headers }) =>
      headers.authorization === 'Bearer token-for-n1' ? { status: 200 } : { status: 401, headers: { 'task-nonce': 'n1' } }
    const client = world.client()
    const response = await client.fetch(`${world.api.origin}/v1/x`, undefined, client.taskToken(forApi()))
    expect(response.status).toBe(200)
  })
  test('forgets a token that the resource refused', async () => {
    world.answerApi = () => ({ status: 401 })
    const client = world.client()
    await client.fetch(`${world.api.origin}/v1/x`, undefined, forApi())
    await client.fetch(`${world.api.origin}/v1/x`, undefined, forApi())
    expect(world.api.received.map(one => one.headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2'])
  })
})
