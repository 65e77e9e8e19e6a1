import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseId } from '#core/ids/id.ts'
import { queueMessages } from '#db/webhook/messages.ts'
import { bootstrap, type Management, type Operators, startManagement } from './management.ts'

let api: Management
let who: Operators
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
})
afterAll(() => api.close())

const call = (method: string, path: string, body?: unknown, token: string | undefined = who.tenantAdmin) =>
  api.call(method, path, token, body)
const input = (changes = {}) => ({
  name: `hook-${randomUUID()}`,
  url: 'https://hooks.example/mayfly',
  events: ['account.claimed', 'account.torn_down'],
  ...changes,
})

describe('a webhook', () => {
  test('is registered, and its secret is shown once', async () => {
    const { status, body, text } = await call('POST', '/v1/webhooks', input())
    expect(status, text).toBe(201)
    expect(body).toMatchObject({ signature: 'hmac', failures: 0, signing_secret: expect.stringMatching(/^whsec_/) })
    expect((await call('GET', `/v1/webhooks/${body.id}`)).body.signing_secret).toBeUndefined()
    const [row] =
      await api.admin`select w::text as t, secret_sealed from mayfly.webhook w where id = ${parseId('webhook', body.id)!}`
    expect(`${row!['t']}${row!['secret_sealed']}${api.logLines.join()}`).not.toContain(body.signing_secret.slice(6))
  })

  test('with Ed25519 shows its public key whenever it is asked for', async () => {
    const { body } = await call('POST', '/v1/webhooks', input({ signature: 'ed25519' }))
    expect(body.signing_secret).toBeUndefined()
    expect((await call('GET', `/v1/webhooks/${body.id}`)).body.public_key).toMatch(/^whpk_/)
  })

  test.each([
    ['an event that there is not', { events: ['account.born'] }],
    ['no event', { events: [] }],
    ['plain HTTP', { url: 'http://hooks.example/' }],
    ['a user in its URL', { url: 'https://user:pw@hooks.example/' }],
    ['another member', { secret: 'mine' }],
  ])('with %s is not registered', async (_, changes) => {
    expect((await call('POST', '/v1/webhooks', input(changes))).status).toBe(400)
  })

  test('is the business of the admins of its tenant alone', async () => {
    const { body } = await call('POST', '/v1/webhooks', input())
    expect((await api.call('GET', '/v1/webhooks')).status).toBe(401)
    expect((await call('POST', '/v1/webhooks', input(), who.auditor)).status).toBe(403)
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect((await call(method, `/v1/webhooks/${body.id}`, method === 'PUT' ? input() : undefined, who.otherAdmin)).status).toBe(
        404,
      )
  })

  test('is changed and removed, but signs as before', async () => {
    const { body } = await call('POST', '/v1/webhooks', input())
    const changed = await call('PUT', `/v1/webhooks/${body.id}`, input({ events: ['account.expired'] }))
    expect([changed.status, changed.body.events]).toEqual([200, ['account.expired']])
    expect((await call('PUT', `/v1/webhooks/${body.id}`, input({ signature: 'ed25519' }))).status).toBe(400)
    expect((await call('DELETE', `/v1/webhooks/${body.id}`)).status).toBe(204)
    expect((await call('GET', `/v1/webhooks/${body.id}`)).status).toBe(404)
  })

  test('shows what waits to be sent, and has it sent again', async () => {
    const { body } = await call('POST', '/v1/webhooks', input())
    const tenantId = parseId('tenant', who.tenant)!
    const message = { tenantId, event: randomUUID(), type: 'account.claimed', body: '{}' }
    await queueMessages(api.database.db.forTenant(tenantId), message)
    const path = `/v1/webhooks/${body.id}/messages`
    const [one] = (await call('GET', path)).body.items
    expect(one).toMatchObject({ type: 'account.claimed', state: 'waiting', attempts: 0 })
    await api.admin`update mayfly.webhook_message set state = 'parked', attempts = 11 where id = ${parseId('message', one.id)!}`
    expect((await call('POST', `${path}/${one.id}/redeliver`, undefined, who.otherAdmin)).status).toBe(404)
    expect((await call('POST', `${path}/${one.id}/redeliver`)).status).toBe(204)
    expect((await call('GET', path)).body.items[0]).toMatchObject({ state: 'waiting', attempts: 0 })
    expect((await call('GET', path, undefined, who.otherAdmin)).status).toBe(404)
  })
})
