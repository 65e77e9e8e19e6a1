// What the guard proxy answers to whom, asked by hand as nginx and Envoy ask.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readGuardProxyConfig } from '#apps/guard-proxy/config.ts'
import type { RunningGuardProxy } from '#apps/guard-proxy/guard-proxy.ts'
import { flights, resource } from '../../../packages/guard/test/issuer.ts'
import { newAuthority, type Pem } from '../../../packages/test/tls.ts'
import { type Asked, ask, environment, nginxProxy, revokedId, startProxyWith, tokenFor } from './setup.ts'

let agent: Pem
let thief: Pem
beforeAll(async () => {
  const authority = await newAuthority()
  agent = await authority.issue('agent')
  thief = await authority.issue('thief')
})

type Headers = Record<string, string | readonly string[]>

describe('asked by nginx', () => {
  let proxy: RunningGuardProxy
  beforeAll(async () => {
    proxy = await startProxyWith()
  })
  afterAll(() => proxy.close())

  const question = (more: Headers = {}): Headers => ({
    authorization: `Bearer ${tokenFor(agent.der)}`,
    'x-original-method': 'GET',
    'x-original-uri': '/v1/flights/42',
    'ssl-client-verify': 'SUCCESS',
    'ssl-client-cert': encodeURIComponent(agent.cert),
    ...more,
  })
  const status = async (more: Headers, how?: Parameters<typeof ask>[2]): Promise<number> =>
    (await ask(proxy.port, question(more), how)).status

  test('says who calls, by ids and never with the token', async () => {
    const token = tokenFor(agent.der, { jti: 'at_1', task_id: 'invoice ü%' })
    const answer = await ask(proxy.port, question({ authorization: `Bearer ${token}` }))
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'x-mayfly-account': 'acct_1',
        'x-mayfly-subject': 'acct_1',
        'x-mayfly-agent': 'agt_1',
        'x-mayfly-task': 'invoice%20%C3%BC%25',
        'x-mayfly-token-id': 'at_1',
      },
    })
    expect(JSON.stringify(answer)).not.toContain(token.split('.')[2])
  })

  test.each<[string, Headers, number]>([
    ['no token', { authorization: [] }, 401],
    ['another key', { 'ssl-client-cert': '' }, 401],
    ['a certificate that nginx did not verify', { 'ssl-client-verify': 'FAILED:self-signed' }, 401],
    ['no word on whether it did', { 'ssl-client-verify': [] }, 401],
    ['another format’s header', { 'ssl-client-cert': [], 'client-cert': 'x' }, 401],
    ['another method', { 'x-original-method': 'DELETE' }, 403],
    ['another path', { 'x-original-uri': '/v1/flights/42/seats' }, 403],
    ['a trailing slash', { 'x-original-uri': '/v1/flights/42/' }, 403],
    ['dot segments', { 'x-original-uri': '/v1/flights/..%2fadmin' }, 403],
    ['a query', { 'x-original-uri': '/v1/flights/42?all=1' }, 403],
    ['a caller’s own override', { 'x-original-url': '/v1/admin' }, 403],
    ['a target said twice', { 'x-original-uri': ['/v1/flights/42', '/v1/admin'] }, 500],
    ['no method', { 'x-original-method': [] }, 500],
    ['no target', { 'x-original-uri': [] }, 500],
  ])('refuses %s', async (_, more, expected) => expect(await status(more)).toBe(expected))

  test('refuses the thief of a token, and a token that was revoked', async () => {
    expect(await status({ 'ssl-client-cert': encodeURIComponent(thief.cert) })).toBe(401)
    expect(await status({ authorization: `Bearer ${tokenFor(agent.der, { jti: revokedId })}` })).toBe(401)
  })

  test('judges its own headers, not the address or method of the question', async () => {
    expect(await status({}, { path: '/v1/admin', method: 'POST' })).toBe(200)
    expect(await status({ 'x-original-uri': '/v1/admin' }, { path: '/v1/flights/42' })).toBe(403)
  })

  test.each(['/v1x', '/v1?scope=a', '/../oauth-protected-resource/x', '/%zz'])(
    'judges nothing where the metadata is, since callers’ own headers come there (%s)',
    async rest => {
      expect(await status({}, { path: `/.well-known/oauth-protected-resource${rest}` })).toBe(404)
      expect(await status({}, { path: '/.well-known/%6fauth-protected-resource/v1' })).toBe(404)
    },
  )

  test('takes the scopes that a location needs from the address of the question', async () => {
    const token = tokenFor(agent.der, { authorization_details: undefined, scope: 'flights:list' })
    const scoped = { authorization: `Bearer ${token}` }
    expect(await status(scoped, { path: '/?scope=flights:list' })).toBe(200)
    expect(await status(scoped, { path: '/?scope=flights:list&scope=flights:book' })).toBe(403)
    expect(await status(scoped)).toBe(403)
    // A caller's address says nothing.
    expect(await status({ ...scoped, 'x-original-uri': '/v1/flights?scope=flights:list' })).toBe(403)
  })

  test.each(['/admin/../v1/flights', '/admin/%2e%2e/v1/flights', '/admin/..%2fv1/flights', '/v1//flights', '/v1/flights/..;/x'])(
    'no location’s scopes count for %s, which nginx reads otherwise than the API that it is handed to',
    async target => {
      const token = tokenFor(agent.der, { authorization_details: undefined, scope: 'flights:list' })
      const asked = { authorization: `Bearer ${token}`, 'x-original-uri': target }
      expect(await status(asked, { path: '/?scope=flights:list' })).toBe(403)
    },
  )

  test('refuses a grant that names a digest: there is no body to hold against it', async () => {
    const empty = '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'
    const exact = { ...flights, content_digest: empty }
    const authorization = `Bearer ${tokenFor(agent.der, { authorization_details: [exact] })}`
    expect(await status({ authorization })).toBe(403)
    expect(await status({ authorization, 'x-envoy-auth-partial-body': 'false' })).toBe(403)
  })

  test('serves the RFC 9728 document', async () => {
    const answer = await ask(proxy.port, {}, { path: '/.well-known/oauth-protected-resource/v1' })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text)).toMatchObject({ resource })
  })

  test('counts what it decided, without a word of what callers sent', async () => {
    const { text } = await ask(proxy.metricsPort ?? 0, {}, { path: '/metrics' })
    expect(text).toMatch(/mayfly_guard_proxy_decisions_total\{outcome="allow",reason="granted"\} [1-9]/)
    expect(text).toMatch(/\{outcome="deny",reason="certificate_mismatch"\} [1-9]/)
    expect(text).toMatch(/\{outcome="misconfigured",reason="none"\} [1-9]/)
    expect(text).not.toContain('flights')
    // It follows no feed, so there is no age to show.
    expect(text).not.toMatch(/^mayfly_guard_proxy_feed_age_seconds/m)
  })
})

test('14: answers nobody but the proxies that it was told of, whatever they say', async () => {
  const others = JSON.stringify([{ ...nginxProxy, address: '10.9.9.9' }])
  const proxy = await startProxyWith({ MAYFLY_TRUSTED_PROXIES: others })
  const headers = { 'x-forwarded-for': '10.9.9.9', 'x-original-method': 'GET', 'x-original-uri': '/v1/flights/42' }
  const answers = [
    await ask(proxy.port, headers),
    await ask(proxy.port, {}, { path: '/.well-known/oauth-protected-resource/v1' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([403, 403])
  await proxy.close()
})

test('a proxy that is to prove itself by a certificate is not believed by its address', async () => {
  const pinned = JSON.stringify([{ ...nginxProxy, certificate: 'A'.repeat(43) }])
  const authority = await newAuthority()
  const own = await authority.issue('localhost')
  const tls = { MAYFLY_TLS_CERT: own.cert, MAYFLY_TLS_KEY: own.key, MAYFLY_TLS_CLIENT_CA: authority.pem }
  const proxy = await startProxyWith({ MAYFLY_TRUSTED_PROXIES: pinned, ...tls })
  const { call } = await import('../../../packages/guard/test/adapters/world.ts')
  const world = { authority } as Parameters<typeof call>[1]
  for (const as of [undefined, await authority.issue('somebody')])
    expect((await call(proxy.port, world, { path: '/', as })).status).toBe(403)
  await proxy.close()
})

describe('asked by Envoy', () => {
  const envoy = { address: '127.0.0.1', format: 'envoy', verified_header: { name: 'x-mayfly-verified', value: 'yes' } }
  const payments = {
    ...flights,
    methods: ['POST'],
    uri_template: '/payments',
    content_digest: '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M',
  }
  let proxy: RunningGuardProxy
  beforeAll(async () => {
    proxy = await startProxyWith({ MAYFLY_TRUSTED_PROXIES: JSON.stringify([envoy]), MAYFLY_REQUEST_BODIES: 'true' })
  })
  afterAll(() => proxy.close())

  const check = (path: string, more: Headers = {}, how: object = {}, change: object = {}): Promise<Asked> =>
    ask(
      proxy.port,
      {
        authorization: `Bearer ${tokenFor(agent.der, change)}`,
        'x-forwarded-client-cert': `Cert="${encodeURIComponent(agent.cert)}"`,
        'x-mayfly-verified': 'yes',
        ...more,
      },
      { path, ...how },
    )

  test('judges method and path of the question itself, and no header that names others', async () => {
    expect((await check('/v1/flights/42')).status).toBe(200)
    expect((await check('/v1/admin', { 'x-original-uri': '/v1/flights/42' })).status).toBe(403)
    expect((await check('/v1/flights/42', {}, { method: 'DELETE' })).status).toBe(403)
  })

  test('never answers 200 for leave to pass to what is public here only', async () => {
    expect((await ask(proxy.port, {}, { path: '/.well-known/oauth-protected-resource/v1' })).status).toBe(401)
  })

  test('takes no scope from a caller’s address', async () => {
    const scoped = { authorization_details: undefined, scope: 'flights:list' }
    expect((await check('/v1/flights?scope=flights:list', {}, {}, scoped)).status).toBe(403)
  })

  test('holds a whole body against its digest, and refuses one that was cut off', async () => {
    const pay = async (body: string, partial: Headers) =>
      (await check('/v1/payments', partial, { method: 'POST', body }, { authorization_details: [payments] })).status
    const whole = { 'x-envoy-auth-partial-body': 'false' }
    expect(await pay('{"amount":"10.00"}', whole)).toBe(200)
    expect(await pay('{"amount":"99.00"}', whole)).toBe(403)
    expect(await pay('{"amount":"10.00"}', { 'x-envoy-auth-partial-body': 'true' })).toBe(403)
    expect(await pay('{"amount":"10.00"}', {})).toBe(403)
  })
})

describe('the configuration', () => {
  const problemsOf = (env: Record<string, string>): string => {
    try {
      readGuardProxyConfig(env)
      return ''
    } catch (error) {
      return (error as { hint: string }).hint
    }
  }

  test('says everything that is missing at once', () => {
    const said = problemsOf({})
    for (const name of ['MAYFLY_ISSUER', 'MAYFLY_RESOURCE', 'MAYFLY_TRUSTED_PROXIES'])
      expect(said).toContain(`${name} is missing`)
  })

  test.each([
    ['an empty list of proxies', { MAYFLY_TRUSTED_PROXIES: '[]' }, 'MAYFLY_TRUSTED_PROXIES is missing'],
    ['all addresses', { MAYFLY_TRUSTED_PROXIES: '[{"address":"0.0.0.0/0","format":"nginx"}]' }, 'not all of them'],
    ['plain HTTP beyond loopback', { MAYFLY_HOST: '0.0.0.0' }, 'is not loopback'],
    ['a certificate without a key', { MAYFLY_TLS_CERT: 'x' }, 'belong together'],
    ['a replay mode that is not there', { MAYFLY_REPLAY: 'pop never' }, 'MAYFLY_REPLAY may name'],
    ['a header that is none', { MAYFLY_TARGET_HEADER: 'x original' }, 'MAYFLY_TARGET_HEADER'],
    ['a port that is none', { MAYFLY_PORT: '99999' }, 'MAYFLY_PORT must be a port'],
  ])('refuses %s', (_, more, said) => expect(problemsOf(environment(more as never))).toContain(said))

  test('a guard that could not learn of revocations does not start', async () => {
    const config = readGuardProxyConfig(environment())
    const { startGuardProxy } = await import('#apps/guard-proxy/guard-proxy.ts')
    const { pino } = await import('pino')
    await expect(startGuardProxy(config, pino({ level: 'silent' }))).rejects.toThrow('revocations')
  })
})
