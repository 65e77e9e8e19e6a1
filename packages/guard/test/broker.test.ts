// What the guard asks the broker for: keys, consuming, and taking its decisions. Against a real https server.

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Authority, json, newAuthority, type Received, type Served, serve } from '../../test/tls.ts'
import { remoteKeys } from '../src/broker/key-source.ts'
import { createGuard, type Guard, type GuardOptions, type Verdict } from '../src/index.ts'
import { ChallengeNonces } from '../src/replay/challenge-nonces.ts'
import { claimsWith, jwks, newKey, nowSeconds, requestWith, resource, signToken } from './issuer.ts'

const credential = 'mfr_secret-of-this-resource'
const reasonOf = (verdict: Verdict) => (verdict.ok ? 'allowed' : `${verdict.status} ${verdict.reason}`)

let authority: Authority
let broker: Served
let answer: (received: Received) => { status: number; body?: unknown; headers?: Record<string, string> } | undefined
const guards: Guard[] = []

beforeAll(async () => {
  authority = await newAuthority()
  broker = await serve(authority, (received, response) => {
    const given = answer(received)
    if (given) json(response, given.status, given.body ?? {}, given.headers)
  })
})
afterEach(async () => {
  await Promise.all(guards.splice(0).map(guard => guard.close()))
  broker.received.length = 0
})
afterAll(() => broker.close())

function guardWith(change: Partial<GuardOptions> = {}): Guard {
  const guard = createGuard({
    issuer: broker.origin,
    resource,
    tls: { ca: authority.pem },
    timeoutMs: 500,
    revocation: { mode: 'none' },
    onWarning: () => {},
    report: false,
    clock: () => nowSeconds * 1000,
    ...change,
  })
  guards.push(guard)
  return guard
}
const token = (change: object = {}, header: object = {}) =>
  signToken(claimsWith({ iss: broker.origin, ...change }), { ...header })
const asked = (path: string) => broker.received.filter(one => one.path === path).length

describe('keys', () => {
  const serveKeys = (keys: object = jwks) => {
    answer = ({ path }) => {
      if (path === '/.well-known/oauth-authorization-server')
        return { status: 200, body: { issuer: broker.origin, jwks_uri: `${broker.origin}/jwks` } }
      return path === '/jwks' ? { status: 200, body: keys } : { status: 404 }
    }
  }

  test('are found from the issuer alone, once for many requests at a time', async () => {
    serveKeys()
    const guard = guardWith()
    const verdicts = await Promise.all(Array.from({ length: 20 }, () => guard.verify(requestWith(token()))))
    expect(verdicts.map(reasonOf)).toEqual(Array(20).fill('allowed'))
    expect(asked('/jwks')).toBe(1)
  })
  test('a storm of unknown key ids reads them no second time', async () => {
    serveKeys()
    const guard = guardWith()
    await guard.verify(requestWith(token()))
    for (let i = 0; i < 50; i += 1) {
      expect(reasonOf(await guard.verify(requestWith(token({}, { kid: `unknown-${i}` }))))).toBe('401 key_unknown')
    }
    expect(asked('/jwks')).toBe(1)
  })
  test('of metadata that names another issuer are not used', async () => {
    answer = () => ({ status: 200, body: { issuer: 'https://thief.example', jwks_uri: `${broker.origin}/jwks`, ...jwks } })
    expect(reasonOf(await guardWith().verify(requestWith(token())))).toBe('503 keys_unavailable')
    expect(asked('/jwks')).toBe(0)
  })
  test.each(['/elsewhere', 'file:///etc/passwd', 'http://127.0.0.1/jwks'])(
    'are not looked for where a redirect to %s points',
    async location => {
      answer = ({ path }) => (path === '/jwks' ? { status: 302, headers: { location } } : { status: 200, body: jwks })
      const guard = guardWith({ jwksUri: `${broker.origin}/jwks` })
      expect(reasonOf(await guard.verify(requestWith(token())))).toBe('503 keys_unavailable')
      expect(broker.received.map(one => one.path)).toEqual(['/jwks'])
    },
  )
  test('that are too large, no JSON, or never come: 503', async () => {
    for (const given of [
      () => ({ status: 200, body: { keys: [], pad: 'x'.repeat(300_000) } }),
      () => ({ status: 200, body: 'x' }),
      () => undefined,
    ]) {
      answer = given
      const guard = guardWith({ jwksUri: `${broker.origin}/jwks`, timeoutMs: 100 })
      expect(reasonOf(await guard.verify(requestWith(token())))).toBe('503 keys_unavailable')
    }
  })
  test('are not taken from a server that the given authority does not vouch for', async () => {
    serveKeys()
    const other = await newAuthority('CN=Other CA')
    const warnings: string[] = []
    const guard = guardWith({ tls: { ca: other.pem }, onWarning: (message, code) => warnings.push(`${code}: ${message}`) })
    for (let times = 0; times < 2; times += 1)
      expect(reasonOf(await guard.verify(requestWith(token())))).toBe('503 keys_unavailable')
    expect(broker.received).toHaveLength(0)
    expect(warnings.filter(text => text.startsWith('keys_unavailable'))).toEqual([expect.stringContaining('tls: { caFile }')])
  })

  test('are read again after the cool-down, in the background when old, and not used when too old', async () => {
    let clock = 0
    let loads = 0
    let current: object | undefined = jwks
    const next = newKey('k2')
    const find = remoteKeys(
      async () => {
        loads += 1
        if (!current) throw new Error('down')
        return current
      },
      {},
      () => clock,
    )
    const first = await find('k1')
    expect(first?.algorithm).toBe('ES256')
    current = { keys: [...jwks.keys, next.jwk] }
    expect(await find('k2')).toBeUndefined()
    clock = 30_000
    expect((await find('k2'))?.algorithm).toBe('ES256')
    expect(await find('k1')).toBe(first)
    expect(loads).toBe(2)
    clock += 300_001
    expect(find('k1')).toBe(first)
    await vi.waitFor(() => expect(loads).toBe(3))
    current = undefined
    clock += 3_600_001
    await expect(find('k1')).rejects.toThrow('cannot be read')
  })
})

describe('once', () => {
  const once = { replay: 'once' }
  const typ = { typ: 'agent-task+jwt' }
  const guard = () => guardWith({ jwks, credential, replay: ['pop', 'once'] })

  test('is consumed at the broker: the first use passes, the second does not, though cached', async () => {
    const used = new Set<string>()
    answer = ({ body }) => {
      const { token_id } = JSON.parse(body)
      const isFirst = !used.has(token_id)
      used.add(token_id)
      return { status: isFirst ? 200 : 409 }
    }
    const one = guard()
    const text = token({ ...once, jti: 'at_1', nonce: 'n_1' }, typ)
    const verdicts = await Promise.all([1, 2, 3, 4, 5].map(() => one.verify(requestWith(text))))
    expect(verdicts.map(reasonOf).sort()).toEqual([
      '401 token_already_used',
      '401 token_already_used',
      '401 token_already_used',
      '401 token_already_used',
      'allowed',
    ])
    const [request] = broker.received
    expect(request).toMatchObject({ method: 'POST', path: '/consume' })
    expect(request?.headers.authorization).toBe(`Bearer ${credential}`)
    expect(JSON.parse(request?.body ?? '')).toEqual({ token_id: 'at_1', nonce: 'n_1', exp: nowSeconds + 300 })
  })
  test.each([201, 204, 302, 400, 401, 404, 429, 500, 503])('the answer %i refuses with 503', async status => {
    answer = () => ({ status })
    expect(reasonOf(await guard().verify(requestWith(token(once, typ))))).toBe('503 consume_unavailable')
  })
  test('no answer refuses with 503', async () => {
    answer = () => undefined
    expect(reasonOf(await guard().verify(requestWith(token(once, typ))))).toBe('503 consume_unavailable')
  })
  test('is not consumed by a request that is refused anyway', async () => {
    answer = () => ({ status: 200 })
    await guard().verify(requestWith(token(once, typ), { method: 'DELETE' }))
    await guard().verify(requestWith(token(once, typ), { certificate: undefined }))
    expect(broker.received).toHaveLength(0)
  })
  test('needs its own type, a nonce, and a guard that accepts it', async () => {
    answer = () => ({ status: 200 })
    expect(reasonOf(await guard().verify(requestWith(token(once))))).toBe('401 type_refused')
    expect(reasonOf(await guard().verify(requestWith(token({ ...once, nonce: undefined }, typ))))).toBe('401 claims_malformed')
    expect(reasonOf(await guardWith({ jwks }).verify(requestWith(token(once, typ))))).toBe('401 replay_mode_refused')
  })
})

describe('challenge', () => {
  const typ = { typ: 'agent-task+jwt' }
  test('accepts only nonces that this guard issued, each once', async () => {
    const guard = guardWith({ jwks, replay: ['challenge'] })
    const first = await guard.verify({ method: 'GET', url: '/v1/flights/42', headers: {} })
    const nonce = first.ok ? '' : (first.headers['task-nonce'] ?? '')
    expect(first).toMatchObject({ status: 401, error: undefined, reason: 'no_credentials' })
    const text = token({ replay: 'challenge', nonce }, typ)
    expect(reasonOf(await guard.verify(requestWith(text)))).toBe('allowed')
    const again = await guard.verify(requestWith(text))
    expect(reasonOf(again)).toBe('401 nonce_not_issued_here')
    expect(again.ok ? '' : again.headers['task-nonce']).not.toBe(nonce)
    expect(reasonOf(await guard.verify(requestWith(token({ replay: 'challenge', nonce: 'made-up' }, typ))))).toBe(
      '401 nonce_not_issued_here',
    )
    expect(reasonOf(await guard.verify(requestWith(token({ replay: 'pop' }))))).toBe('401 replay_mode_refused')
  })
  test('a nonce ends; those of another guard do not count; a full memory refuses', () => {
    const nonces = new ChallengeNonces(1000, 2)
    const [a, b, c] = [nonces.issue(0), nonces.issue(0), nonces.issue(0)]
    expect(nonces.spend(a, 1000)).toBe('refused')
    expect(new ChallengeNonces().spend(a, 0)).toBe('refused')
    expect([nonces.spend(a, 500), nonces.spend(b, 500), nonces.spend(c, 500)]).toEqual(['spent', 'spent', 'full'])
    expect(nonces.spend(nonces.issue(2000), 2000)).toBe('spent')
  })
})

describe('decisions', () => {
  test('are reported in one batch without the token; junk is only counted, by reason', async () => {
    answer = () => ({ status: 202 })
    const guard = guardWith({ jwks, credential, report: { intervalMs: 60_000 } })
    const text = token({ jti: 'at_7' })
    for (let i = 0; i < 3; i += 1) await guard.verify(requestWith(text))
    await guard.verify(requestWith(text, { method: 'DELETE', url: '/v1/flights/42?secret=1' }))
    await guard.verify(requestWith(text, { method: 'M-SEARCH' }))
    await guard.verify(requestWith(`${text}x`))
    await guard.verify(requestWith('junk'))
    await guard.flush()
    expect(broker.received).toHaveLength(1)
    const [sent] = broker.received
    expect(sent).toMatchObject({ method: 'POST', path: '/v1/decisions' })
    expect(sent?.body).not.toContain(text.slice(-40))
    const { decisions } = JSON.parse(sent?.body ?? '')
    const time = nowSeconds * 1000
    const ids = { time, jti: 'at_7', account_id: 'acct_1', path_hash: decisions[0].path_hash }
    expect(decisions).toEqual([
      { ...ids, outcome: 'allow', reason: 'granted', method: 'GET', count: 3 },
      { ...ids, outcome: 'deny', reason: 'query_not_granted', method: 'DELETE' },
      { ...ids, outcome: 'deny', reason: 'operation_not_granted' },
      { time, outcome: 'deny', reason: 'token_malformed', count: 2 },
    ])
    expect(guard.stats()).toMatchObject({ allowed: 3, decisions: { reported: 4, pending: 0, dropped: 0 } })
    expect(guard.stats().refused).toEqual({ query_not_granted: 1, operation_not_granted: 1, token_malformed: 2 })
  })
})
