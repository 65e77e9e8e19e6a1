import { describe, expect, test } from 'vitest'
import { credentialChange, requestableEvents, sessionRevoked, supportedEvents } from '#core/ssf/event-types.ts'
import { pollDelivery, useReceivers } from './use-receivers.ts'

const use = useReceivers()
const push = { method: 'urn:ietf:rfc:8935', endpoint_url: 'https://siem.example/events', authorization_header: 'Bearer xyz' }

describe('the configuration of a stream', () => {
  test('is made, read, changed, replaced and deleted by its receiver', async () => {
    const made = await use.call('POST', '/ssf/streams', {
      delivery: push,
      events_requested: [sessionRevoked, 'urn:x:other'],
      description: 'one',
    })
    expect(made.status, JSON.stringify(made.body)).toBe(201)
    const { stream_id } = made.body
    expect(made.body).toEqual({
      stream_id,
      iss: use.broker.running.issuer,
      aud: 'https://siem.example',
      events_supported: supportedEvents,
      events_requested: [sessionRevoked, 'urn:x:other'],
      events_delivered: [sessionRevoked],
      delivery: { method: push.method, endpoint_url: push.endpoint_url },
      min_verification_interval: 30,
      description: 'one',
    })
    expect((await use.call('GET', `/ssf/streams?stream_id=${stream_id}`)).body).toEqual(made.body)
    expect((await use.call('GET', '/ssf/streams')).body).toContainEqual(made.body)
    const patched = await use.call('PATCH', '/ssf/streams', { stream_id, events_requested: [credentialChange] })
    expect(patched.body).toMatchObject({
      events_delivered: [credentialChange],
      description: 'one',
      delivery: { endpoint_url: push.endpoint_url },
    })
    const replaced = await use.call('PUT', '/ssf/streams', { ...made.body, events_requested: undefined, description: undefined })
    expect(replaced.status, JSON.stringify(replaced.body)).toBe(200)
    expect(replaced.body).toMatchObject({ events_delivered: requestableEvents })
    expect(replaced.body).not.toHaveProperty('description')
    expect((await use.call('DELETE', `/ssf/streams?stream_id=${stream_id}`)).status).toBe(204)
    expect((await use.call('GET', `/ssf/streams?stream_id=${stream_id}`)).status).toBe(404)
  })

  test('without a delivery is one that is polled, at an address of ours', async () => {
    const { body } = await use.call('POST', '/ssf/streams', {})
    expect(body.delivery).toEqual({ ...pollDelivery, endpoint_url: `${use.broker.running.issuer}/ssf/poll/${body.stream_id}` })
  })

  test.each<[string, object]>([
    ['plain HTTP', { delivery: { ...push, endpoint_url: 'http://siem.example/' } }],
    ['no URL to push to', { delivery: { method: push.method } }],
    ['a user in its URL', { delivery: { ...push, endpoint_url: 'https://u:p@siem.example/' } }],
    ['a delivery that there is not', { delivery: { method: 'urn:example' } }],
    ['a header that breaks out', { delivery: { ...push, authorization_header: 'x\r\nHost: evil' } }],
    ["somebody else's issuer", { iss: 'https://evil.example' }],
    ['an audience of its own choice', { aud: 'https://other.example' }],
  ])('with %s is not made', async (_, body) => {
    expect((await use.call('POST', '/ssf/streams', body)).status).toBe(400)
  })

  test('is told no more than there are streams', async () => {
    const { token } = await use.newReceiver()
    for (let i = 0; i < 10; i++) expect((await use.call('POST', '/ssf/streams', {}, token)).status).toBe(201)
    expect((await use.call('POST', '/ssf/streams', {}, token)).status).toBe(409)
  })
})

describe('a stream', () => {
  test('is the business of its receiver alone', async () => {
    const { body } = await use.call('POST', '/ssf/streams', {})
    const { stream_id } = body
    const { token } = await use.newReceiver()
    const attempts: [string, string, object?][] = [
      ['GET', `/ssf/streams?stream_id=${stream_id}`],
      ['PATCH', '/ssf/streams', { stream_id, description: 'mine' }],
      ['PUT', '/ssf/streams', { stream_id }],
      ['DELETE', `/ssf/streams?stream_id=${stream_id}`],
      ['GET', `/ssf/status?stream_id=${stream_id}`],
      ['POST', '/ssf/status', { stream_id, status: 'disabled' }],
      ['POST', '/ssf/subjects/remove', { stream_id, subject: { format: 'opaque', id: 'x' } }],
      ['POST', '/ssf/subjects/add', { stream_id, subject: { format: 'opaque', id: 'x' } }],
      ['POST', '/ssf/verify', { stream_id }],
      ['POST', `/ssf/poll/${stream_id}`, { returnImmediately: true }],
      ['POST', `/ssf/poll/${stream_id}`, { returnImmediately: true, ack: [`${stream_id.slice(4)}.n.${'0'.repeat(32)}`] }],
    ]
    for (const [method, path, sent] of attempts)
      expect((await use.call(method, path, sent, token)).status, `${method} ${path}`).toBe(404)
    expect((await use.call('GET', '/ssf/streams', undefined, token)).body).toEqual([])
  })

  test('of a removed receiver is gone, and so is its credential', async () => {
    const { id, token } = await use.newReceiver()
    await use.call('POST', '/ssf/streams', {}, token)
    expect((await use.broker.running.v1('DELETE', `/v1/receivers/${id}`)).status).toBe(204)
    expect((await use.call('GET', '/ssf/streams', undefined, token)).status).toBe(401)
  })

  test('can be paused and stopped, with a reason, and says so', async () => {
    const stream_id = await use.newStream()
    expect((await use.call('GET', `/ssf/status?stream_id=${stream_id}`)).body).toEqual({ stream_id, status: 'enabled' })
    const paused = { stream_id, status: 'paused', reason: 'maintenance' }
    expect((await use.call('POST', '/ssf/status', paused)).body).toEqual(paused)
    expect((await use.call('GET', `/ssf/status?stream_id=${stream_id}`)).body).toEqual(paused)
    expect((await use.call('POST', '/ssf/status', { stream_id, status: 'asleep' })).status).toBe(400)
  })
})

describe('a credential of a receiver', () => {
  test('is good for security events, and for nothing else; none of another kind is good for these', async () => {
    const { running } = use.broker
    for (const path of ['/v1/receivers', '/v1/agents', '/v1/ssf/streams', '/v1/whoami'])
      expect((await running.v1('GET', path, undefined, use.token)).status, path).toBe(401)
    for (const path of ['/consume', '/introspect', '/v1/feed/snapshot'])
      expect((await use.call(path === '/v1/feed/snapshot' ? 'GET' : 'POST', path)).status, path).toBeGreaterThanOrEqual(400)
    for (const token of [running.operatorToken, running.platformToken, running.resourceSecrets.pop, 'mfe_x', ''])
      expect((await use.call('GET', '/ssf/streams', undefined, token)).status).toBe(401)
  })

  test('of one tenant is nobody at another', async () => {
    const { running } = use.broker
    const slug = `other-${Date.now()}`
    expect((await running.v1('POST', '/v1/tenants', { slug, name: 'Other' }, running.platformToken)).status).toBe(201)
    expect((await use.call('GET', `/t/${slug}/ssf/streams`)).status).toBe(401)
    expect((await use.call('GET', '/t/nobody/ssf/streams')).status).toBe(404)
  })

  test('is renewed with an overlap', async () => {
    const { id, token } = await use.newReceiver()
    const renewed = await use.broker.running.v1('POST', `/v1/receivers/${id}/token`, { overlap_seconds: 600 })
    expect(renewed.status).toBe(200)
    for (const each of [token, renewed.body.token])
      expect((await use.call('GET', '/ssf/streams', undefined, each)).status).toBe(200)
    const again = await use.broker.running.v1('POST', `/v1/receivers/${id}/token`, { overlap_seconds: 0 })
    for (const each of [token, renewed.body.token])
      expect((await use.call('GET', '/ssf/streams', undefined, each)).status).toBe(401)
    expect((await use.call('GET', '/ssf/streams', undefined, again.body.token)).status).toBe(200)
  })
})

describe('operators', () => {
  test('register receivers as admins, and see them without their secrets', async () => {
    const { running } = use.broker
    const shown = await running.v1('GET', `/v1/receivers/${use.receiverId}`)
    expect(shown.body).toMatchObject({ audience: 'https://siem.example' })
    expect(JSON.stringify(shown.body)).not.toContain('mfe_')
    expect((await running.v1('GET', '/v1/receivers')).body.items.length).toBeGreaterThan(0)
    expect((await running.v1('POST', '/v1/receivers', { name: shown.body.name })).status).toBe(409)
    expect((await running.v1('GET', '/v1/receivers', undefined, running.platformToken)).status).toBe(403)
  })

  test('see how far a stream has come, and can stop it', async () => {
    const stream = await use.newStream()
    await use.revokeToken()
    const { running } = use.broker
    const view = (await running.v1('GET', `/v1/ssf/streams/${stream}`)).body
    expect(view).toMatchObject({ delivery: 'poll', status: 'enabled', failures: 0, dead_letters: 0, taken_at: null })
    expect(view.behind).toBeGreaterThan(0)
    expect(view.waiting_since).toMatch(/Z$/)
    expect((await running.v1('GET', '/v1/ssf/streams')).body.items.map(({ id }: { id: string }) => id)).toContain(stream)
    expect((await running.v1('POST', `/v1/ssf/streams/${stream}/status`, { status: 'paused', reason: 'too loud' })).status).toBe(
      204,
    )
    expect((await use.call('GET', `/ssf/status?stream_id=${stream}`)).body).toEqual({
      stream_id: stream,
      status: 'paused',
      reason: 'too loud',
    })
  })
})

test('a transmitter tells where everything is, for each tenant', async () => {
  const { issuer } = use.broker.running
  const { status, body } = await use.broker.https.send(`${issuer}/.well-known/ssf-configuration`)
  expect(status).toBe(200)
  expect(body).toEqual({
    spec_version: '1_0',
    issuer,
    jwks_uri: `${issuer}/jwks`,
    delivery_methods_supported: ['urn:ietf:rfc:8935', 'urn:ietf:rfc:8936'],
    configuration_endpoint: `${issuer}/ssf/streams`,
    status_endpoint: `${issuer}/ssf/status`,
    add_subject_endpoint: `${issuer}/ssf/subjects/add`,
    remove_subject_endpoint: `${issuer}/ssf/subjects/remove`,
    verification_endpoint: `${issuer}/ssf/verify`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
    default_subjects: 'ALL',
  })
  expect((await use.broker.https.send(`${issuer}/.well-known/ssf-configuration/t/nobody`)).status).toBe(404)
})
