// Getting a task token and keeping it fresh.

import type { TLSSocket } from 'node:tls'
import { describe, expect, test, vi } from 'vitest'
import { newAuthority } from '../../test/tls.ts'
import { createMayflyClient } from '../src/index.ts'
import { failureOf, permissions, useWorld } from './world.ts'

const world = useWorld()

describe('getting a token', () => {
  test('finds the endpoint for mutual TLS, presents the certificate, and reads the answer', async () => {
    const details = [{ type: 'agent_http', locations: ['https://orders.example'], methods: ['GET'], uri_template: '/orders/42' }]
    world.answerToken = (form, { request }) => {
      expect((request.socket as TLSSocket).getPeerCertificate().raw.equals(world.certificate.der)).toBe(true)
      expect(JSON.parse(form.get('authorization_details') ?? '')).toEqual(details)
      return world.granted({ authorization_details: details, claim_uri: 'https://broker.example/claim#x' })
    }
    const before = Date.now()
    const value = await world
      .client()
      .taskToken({ ...permissions, authorizationDetails: details })
      .get()
    expect(value).toMatchObject({
      accessToken: 'token-1',
      tokenType: 'Bearer',
      accountId: 'acct_1',
      taskId: 'tsk_1',
      claimUri: 'https://broker.example/claim#x',
      authorizationDetails: details,
      scope: ['orders:read'],
    })
    expect(value.expiresAt.getTime()).toBeGreaterThanOrEqual(before + 300_000)
    expect(value.expiresAt.getTime()).toBeLessThanOrEqual(Date.now() + 300_000)
    expect(world.mtls.received.map(one => one.path)).toEqual(['/token'])
    expect(world.plain.received.map(one => one.path)).toEqual(['/.well-known/oauth-authorization-server'])
  })
  test('without a certificate uses the plain endpoint', async () => {
    await world
      .client({ certificate: undefined as never })
      .taskToken(permissions)
      .get()
    expect(world.mtls.received).toHaveLength(0)
  })
  test.each([{ issuer: 'https://thief.example' }, { token_endpoint: 'http://x/token', mtls_endpoint_aliases: {} }])(
    'refuses metadata with %j',
    async change => {
      world.metadata = { ...world.metadata, ...change }
      expect((await failureOf(world.client().taskToken(permissions).get())).error).toBe('invalid_metadata')
      expect(world.exchanges()).toHaveLength(0)
    },
  )
  test('refuses a broker that the given authority does not vouch for', async () => {
    const other = await newAuthority('CN=Other CA')
    const error = await failureOf(
      world
        .client({ ca: other.pem, retry: { attempts: 1 } })
        .taskToken(permissions)
        .get(),
    )
    expect(error).toMatchObject({ error: 'connection_failed', status: 0 })
    expect(world.plain.received).toHaveLength(0)
  })
  test('reads the subject token before each exchange', async () => {
    let reading = 0
    const readNext = async () => {
      reading += 1
      return `workload-${reading}\n`
    }
    const token = world.client({ subjectToken: readNext }).taskToken(permissions, { reuse: false })
    await token.get()
    await token.get()
    expect(world.exchanges().map(one => new URLSearchParams(one.body).get('subject_token'))).toEqual(['workload-1', 'workload-2'])
  })
  test('never follows a redirect', async () => {
    world.answerToken = () => ({ status: 307, headers: { location: `${world.api.origin}/token` } })
    expect((await failureOf(world.client().taskToken(permissions).get())).status).toBe(307)
    expect(world.api.received).toHaveLength(0)
  })
})

describe('keeping it fresh', () => {
  test('one exchange serves everybody who waits, and those who come later', async () => {
    const token = world.client().taskToken(permissions)
    const values = await Promise.all(Array.from({ length: 10 }, () => token.get()))
    expect(new Set(values.map(value => value.accessToken))).toEqual(new Set(['token-1']))
    await token.get()
    expect(world.exchanges()).toHaveLength(1)
  })
  test('exchanges again late in its life, in the same account, without a new idempotency key', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const token = world.client().taskToken(permissions)
    await token.get()
    vi.setSystemTime(Date.now() + 300_000 * 0.74)
    expect((await token.get()).accessToken).toBe('token-1')
    vi.setSystemTime(Date.now() + 300_000 * 0.12)
    expect((await token.get()).accessToken).toBe('token-2')
    const [first, second] = world
      .exchanges()
      .map(one => ({ form: new URLSearchParams(one.body), key: one.headers['idempotency-key'] }))
    expect([first?.form.get('task_id'), first?.form.get('account_id')]).toEqual(['task-1', null])
    expect([second?.form.get('task_id'), second?.form.get('account_id')]).toEqual([null, 'acct_1'])
    expect(first?.key).toMatch(/^"[0-9a-f-]{36}"$/)
    expect(second?.key).toBeUndefined()
  })
  test('hands out the living token when a renewal fails for now, and the error when it is refused', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const token = world.client({ retry: { attempts: 1 } }).taskToken(permissions)
    await token.get()
    vi.setSystemTime(Date.now() + 300_000 * 0.9)
    world.answerToken = () => ({ status: 503, body: { error: 'temporarily_unavailable' } })
    expect((await token.get()).accessToken).toBe('token-1')
    world.answerToken = () => ({ status: 400, body: { error: 'access_denied', error_description: 'The account has ended.' } })
    expect(await failureOf(token.get())).toMatchObject({ error: 'access_denied', status: 400 })
    vi.setSystemTime(Date.now() + 60_000)
    world.answerToken = () => ({ status: 503, body: {} })
    expect((await failureOf(token.get())).status).toBe(503)
  })
  test('renews in the background before anybody asks, until closed', async () => {
    world.answerToken = () => world.granted({ expires_in: 0.2 })
    const token = world.client().taskToken(permissions, { background: true })
    await token.get()
    await vi.waitFor(() => expect(world.exchanges().length).toBeGreaterThanOrEqual(3), { timeout: 3000, interval: 20 })
    token.close()
    expect((await failureOf(token.get())).error).toBe('invalid_use')
  })
})

test('refuses options that contradict each other, and http', () => {
  const subjectToken = 'x'
  expect(() => createMayflyClient({ subjectToken })).toThrow('either issuer or tokenEndpoint')
  expect(() => createMayflyClient({ subjectToken, issuer: 'https://a', tokenEndpoint: 'https://a/token' })).toThrow('either')
  expect(() => createMayflyClient({ subjectToken, issuer: 'http://127.0.0.1' })).toThrow('https only')
})
