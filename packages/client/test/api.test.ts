// The API as methods: how they are called. What they are is the generated file, which test/client holds against the broker.

import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Authority, json, newAuthority, type Received, type Served, serve } from '../../test/tls.ts'
import { ApiError, createMayflyApi, isWaiting, type MayflyApiClient, MayflyError, watchRevocation } from '../src/index.ts'

let authority: Authority
let broker: Served
let api: MayflyApiClient
let answer: (received: Received, count: number) => { status: number; body?: unknown; headers?: Record<string, string> }

beforeAll(async () => {
  authority = await newAuthority()
})
beforeEach(async () => {
  answer = () => ({ status: 200, body: {} })
  broker = await serve(authority, (received, response) => {
    const { status, body, headers } = answer(received, broker.received.length)
    if (status === 204) response.writeHead(204).end()
    else json(response, status, body ?? {}, headers)
  })
  api = createMayflyApi({ url: broker.origin, token: () => 'mfo_secret', ca: authority.pem })
})
afterEach(async () => {
  await api.close()
  await broker.close()
})
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a call', () => {
  test('puts ids into the path, the rest into body and query, and the token into its header', async () => {
    await api.agents.joinTokens.create('agt_1', { ttl_seconds: 60 } as never)
    await api.resources.credentials.delete('res_1', 'rcr_2')
    await api.accounts.revoke('acct_1', { idempotencyKey: 'mine' })
    await api.signIn({ tenant: 'acme' })
    expect(broker.received.map(({ method, path, body }) => `${method} ${path} ${body}`.trim())).toEqual([
      'POST /v1/agents/agt_1/join-tokens {"ttl_seconds":60}',
      'DELETE /v1/resources/res_1/credentials/rcr_2',
      'POST /v1/accounts/acct_1/revoke',
      'GET /v1/sign-in?tenant=acme',
    ])
    const headers = broker.received.map(one => one.headers)
    expect(new Set(headers.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer mfo_secret']))
    expect(headers[0]?.['idempotency-key']).toMatch(/^"[0-9a-f-]{36}"$/)
    expect(headers[1]).not.toHaveProperty('idempotency-key')
    expect(headers[2]?.['idempotency-key']).toBe('"mine"')
  })

  test.each(['', undefined, '..', '../../v1/operators'])('never leaves its path for an id like %j', async id => {
    await failure(Promise.resolve().then(() => api.agents.delete(id as string)))
    expect(broker.received.map(({ path }) => path)).toEqual(id && id !== '..' ? ['/v1/agents/..%2F..%2Fv1%2Foperators'] : [])
  })

  test('is repeated after a 503 under one Idempotency-Key', async () => {
    answer = (_, count) =>
      count === 1 ? { status: 503, headers: { 'retry-after': '0' } } : { status: 200, body: { id: 'acct_1' } }
    expect(await api.accounts.complete('acct_1')).toEqual({ id: 'acct_1' })
    const [first, second] = broker.received.map(({ headers }) => headers['idempotency-key'])
    expect([first !== undefined, second]).toEqual([true, first])
  })

  test('ends when its signal aborts', async () => {
    answer = () => ({ status: 503, headers: { 'retry-after': '5' } })
    const stop = new AbortController()
    const waiting = api.agents.get('agt_1', { signal: stop.signal })
    while (broker.received.length === 0) await new Promise(setImmediate)
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })

  test('says when a change waits for a second person', async () => {
    answer = () => ({ status: 202, body: { change: 'chg_1', status: 'waiting' } })
    const answered = await api.agents.delete('agt_1')
    expect(isWaiting(answered) && answered.change).toBe('chg_1')
    answer = () => ({ status: 204 })
    expect(isWaiting(await api.agents.delete('agt_1'))).toBe(false)
  })
})

describe('a list', () => {
  const pages: Record<string, object> = {
    '': { items: [{ id: 1 }, { id: 2 }], next_cursor: 'two' },
    two: { items: [{ id: 3 }], next_cursor: 'three' },
    three: { items: [{ id: 4 }] },
  }
  const byCursor = ({ path }: Received) => {
    const cursor = new URL(path, broker.origin).searchParams.get('cursor') ?? ''
    return { status: 200, body: pages[cursor] }
  }

  test('gives every item, and asks for a page when it is needed', async () => {
    answer = byCursor
    const list = api.accounts.list({ state: 'active', limit: 2 })
    expect(broker.received).toHaveLength(0)
    const found: unknown[] = []
    for await (const { id } of list) {
      found.push(id)
      if (found.length === 2) expect(broker.received).toHaveLength(1)
    }
    expect(found).toEqual([1, 2, 3, 4])
    expect(broker.received.map(({ path }) => path)).toEqual([
      '/v1/accounts?state=active&limit=2',
      '/v1/accounts?state=active&limit=2&cursor=two',
      '/v1/accounts?state=active&limit=2&cursor=three',
    ])
  })

  test('is read as far as one wants', async () => {
    answer = byCursor
    expect(await api.accounts.list().all(3)).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
    expect(broker.received).toHaveLength(2)
    expect(await api.accounts.list().page('two')).toEqual({ items: [{ id: 3 }], nextCursor: 'three' })
  })
})

test('a revocation is watched until everybody has it, by answers that the broker holds back', async () => {
  const receivers = (...waiting: string[]) => ({ receivers: { acknowledged: [], waiting: waiting.map(name => ({ name })) } })
  answer = (_, count) => ({ status: 200, body: receivers(...['a', 'b'].slice(count - 1)) })
  const seen: number[] = []
  for await (const state of watchRevocation(api, 'rev_1', { tenant: 'ten_1' })) seen.push(state.receivers.waiting.length)
  expect(seen).toEqual([2, 1, 0])
  expect(broker.received.map(({ path }) => path)).toEqual([
    '/v1/revocations/rev_1?tenant=ten_1',
    '/v1/revocations/rev_1?tenant=ten_1&wait=10',
    '/v1/revocations/rev_1?tenant=ten_1&wait=10',
  ])
})

describe('a refusal', () => {
  test('is an ApiError with its code, what does not fit, and the id of the request', async () => {
    const errors = [{ pointer: '/name', detail: 'It must not be empty.' }]
    answer = () => ({
      status: 400,
      body: { type: 'urn:mayfly:error:validation_failed', title: 'No.', status: 400, instance: 'req_1', errors },
    })
    const error = await failure(api.agents.create({} as never))
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({
      error: 'validation_failed',
      status: 400,
      requestId: 'req_1',
      faults: errors,
      description: 'No.',
    })
    expect((error as ApiError).is('validation_failed')).toBe(true)
  })

  test('by a limit names it', async () => {
    const type = 'https://iana.org/assignments/http-problem-types#quota-exceeded'
    answer = () => ({ status: 429, body: { type, 'violated-policies': ['live_accounts'] }, headers: { 'retry-after': '0' } })
    expect(await failure(api.accounts.create({} as never))).toMatchObject({
      error: 'quota_exceeded',
      limits: ['live_accounts'],
      retryAfterSeconds: 0,
    })
  })

  test('holds no token, and what is no answer of a broker is told as such', async () => {
    answer = () => ({ status: 403, body: { type: 'urn:mayfly:error:forbidden', detail: 'not with mfo_secret_0123456789' } })
    expect(String(await failure(api.whoami()))).not.toContain('mfo_secret')
    answer = () => ({ status: 200, body: [] })
    expect(await failure(api.whoami())).toMatchObject({ error: 'invalid_response' })
    expect(await failure(api.whoami())).toBeInstanceOf(MayflyError)
  })
})
