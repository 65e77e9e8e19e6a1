// The live request against the granted set: what a grant covers, and what no grant covers however it is spelled.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GuardOptions, Operation } from '../src/index.ts'
import { parseLivePath } from '../src/permission/live-path.ts'
import { flights, guardWith, reasonOf, requestWith, resource, tokenWith } from './issuer.ts'

const guard = guardWith()
const judge = async (details: readonly object[], request: object, by = guard) =>
  reasonOf(await by.verify(requestWith(tokenWith({ authorization_details: details }), request)))

describe('agent_http', () => {
  test.each([
    ['GET', '/v1/flights/42', 'allowed'],
    ['GET', 'https://anything.example/v1/flights/42', 'allowed'],
    ['GET', 'http://[::1]:8080/v1/flights/42', 'allowed'],
    ['GET', '/v1/flights/a%20b', 'allowed'],
    ['GET', '/v1/flights/~%C3%A9', 'allowed'],
    ['HEAD', '/v1/flights/42', '403 operation_not_granted'],
    ['get', '/v1/flights/42', '403 operation_not_granted'],
    ['DELETE', '/v1/flights/42', '403 operation_not_granted'],
    ['GET', '/v1/flights', '403 operation_not_granted'],
    ['GET', '/v1/flights/', '403 operation_not_granted'],
    ['GET', '/v1/flights/42/', '403 operation_not_granted'],
    ['GET', '/v1/flights/42/seats', '403 operation_not_granted'],
    ['GET', '/v1/Flights/42', '403 operation_not_granted'],
    ['GET', '/flights/42', '403 operation_not_granted'],
    ['GET', '/v2/flights/42', '403 operation_not_granted'],
    ['GET', '/v1/flights/42?', '403 query_not_granted'],
    ['GET', '/v1/flights/42?all=1', '403 query_not_granted'],
  ])('%s %s: %s', async (method, url, reason) => expect(await judge([flights], { method, url })).toBe(reason))

  test.each([
    '/v1/flights/..%2fadmin',
    '/v1/flights/..%2Fadmin',
    '/v1/flights/%2e%2e',
    '/v1/flights/..',
    '/v1/./flights/42',
    '/v1//flights/42',
    '//v1/flights/42',
    '/v1/flights/a%5Cb',
    '/v1/flights/a\\b',
    '/v1/flights/a%252Fb',
    '/v1/flights/%252e%252e',
    '/v1/flights/42%00',
    '/v1/flights/42%0a',
    '/v1/flights/%zz',
    '/v1/flights/%ff',
    '/v1/flights/42;admin=1',
    '/v1/flights/42#x',
    '/v1/flights/é',
    'v1/flights/42',
    '*',
    '',
    'file:///v1/flights/42',
    'https://anything%61/v1/flights/42',
    "https://anything'/v1/flights/42",
    'https://anything;/v1/flights/42',
    'https://user@anything/v1/flights/42',
    'https://anything:80x/v1/flights/42',
    'https:///v1/flights/42',
  ])('refuses the path %j, which two routers may read differently', async url => {
    expect(await judge([flights], { url })).toBe('403 path_refused')
  })

  test('a path that is accepted has only segments that no second decoding changes into a separator', () => {
    const piece = fc.constantFrom('%', '2', 'f', 'F', 'e', '5', 'c', '.', '/', '\\', '%2f', '%2e', '%25', 'a', ';')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
        const live = parseLivePath(`/${pieces.join('')}`)
        for (const segment of live?.segments ?? []) {
          expect(segment).not.toMatch(/[\\/]|%2f|%5c|^\.\.?$/i)
        }
      }),
    )
  })

  test.each(['x-http-method-override', 'X-HTTP-Method', 'x-method-override', 'x-original-url', 'x-rewrite-url'])(
    'refuses the header %s',
    async name => {
      const headers = { authorization: `Bearer ${tokenWith()}`, [name]: 'DELETE' }
      expect(await judge([flights], { headers: { ...headers } })).toBe('403 override_header_refused')
    },
  )

  test('sees the resource under the mount path, and locations below it', async () => {
    const mounted = guardWith({ mountPath: '/' })
    expect(await judge([flights], { url: '/flights/42' }, mounted)).toBe('allowed')
    expect(await judge([flights], {}, mounted)).toBe('403 operation_not_granted')
    const below = { ...flights, locations: [`${resource}/eu`] }
    expect(await judge([below], { url: '/v1/eu/flights/42' })).toBe('allowed')
    expect(await judge([below], {})).toBe('403 operation_not_granted')
  })

  test.each([
    'https://other.example/v1',
    'https://api.example/',
    'https://api.example/v10',
    'https://api.example:8443/v1',
    'urn:x:y',
  ])('grants nothing by the location %s', async location =>
    expect(await judge([{ ...flights, locations: [location] }], {})).toBe('403 operation_not_granted'),
  )

  test('an exact-request token takes its body and no other', async () => {
    const exact = {
      ...flights,
      methods: ['POST'],
      uri_template: '/payments',
      content_digest: '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M',
    }
    const request = { method: 'POST', url: '/v1/payments' }
    const body = '{"amount":"10.00"}'
    expect(await judge([exact], { ...request, body })).toBe('allowed')
    expect(await judge([exact], { ...request, body: async () => Buffer.from(body) })).toBe('allowed')
    expect(await judge([exact], { ...request, body: '{"amount":"10.01"}' })).toBe('403 body_digest_mismatch')
    expect(await judge([exact], request)).toBe('403 body_digest_mismatch')
    expect(await judge([exact], { ...request, body: () => Promise.reject(new Error()) })).toBe('403 body_digest_mismatch')
  })

  test('does not read the body where no grant names a digest', async () => {
    const body = () => {
      throw new Error('read')
    }
    expect(await judge([flights], { body })).toBe('allowed')
  })
})

describe('what is not understood', () => {
  test.each([
    ['an unknown type', { ...flights, type: 'agent_mail' }],
    ['a type that every object has', { ...flights, type: 'constructor' }],
    ['no type', { ...flights, type: undefined }],
    ['an unknown member', { ...flights, time_of_day: '09:00-17:00' }],
    ['a missing member', { ...flights, methods: undefined }],
    ['an empty list', { ...flights, methods: [] }],
    ['methods as text', { ...flights, methods: 'GET' }],
    ['a variable inside a segment', { ...flights, uri_template: '/flights/x{id}' }],
    ['a variable of a higher level', { ...flights, uri_template: '/flights/{+path}' }],
    ['one variable twice', { ...flights, uri_template: '/{id}/{id}' }],
    ['a template with dots', { ...flights, uri_template: '/flights/../{id}' }],
  ])('refuses a token with %s, even beside an entry that covers the request', async (_, detail) => {
    expect(await judge([flights, detail], {})).toBe('403 detail_not_understood')
  })
})

describe('agent_row and agent_tool', () => {
  const row = { actions: ['read'], identifier: 'orders/42', locations: [resource], type: 'agent_row' }
  const anyOrder = { ...row, identifier: 'orders/*' }
  const tool = { actions: ['search'], arguments: { limit: 5 }, locations: [resource], type: 'agent_tool' }
  const read = (identifier: string): Operation => ({ type: 'agent_row', action: 'read', identifier })

  test.each<[string, object, Operation, string]>([
    ['the row', row, read('orders/42'), 'allowed'],
    ['another row', row, read('orders/43'), '403 operation_not_granted'],
    ['another action', row, { type: 'agent_row', action: 'update', identifier: 'orders/42' }, '403 operation_not_granted'],
    ['any one segment', anyOrder, read('orders/43'), 'allowed'],
    ['more than one segment', anyOrder, read('orders/43/lines'), '403 operation_not_granted'],
    ['an empty segment', anyOrder, read('orders/'), '403 operation_not_granted'],
    ['a dot segment', anyOrder, read('orders/..'), '403 operation_not_granted'],
    ['an encoded slash', anyOrder, read('orders/a%2fb'), '403 operation_not_granted'],
    ['the wildcard itself', anyOrder, read('orders/*'), '403 operation_not_granted'],
    ['a place below', { ...row, locations: [`${resource}/eu`] }, read('orders/42'), '403 operation_not_granted'],
    ['the tool', tool, { type: 'agent_tool', tool: 'search', arguments: { limit: 5, q: 'x' } }, 'allowed'],
    ['another tool', tool, { type: 'agent_tool', tool: 'delete', arguments: { limit: 5 } }, '403 operation_not_granted'],
    ['another argument', tool, { type: 'agent_tool', tool: 'search', arguments: { limit: 6 } }, '403 operation_not_granted'],
    [
      'an argument of another type',
      tool,
      { type: 'agent_tool', tool: 'search', arguments: { limit: '5' } },
      '403 operation_not_granted',
    ],
    ['no argument', tool, { type: 'agent_tool', tool: 'search' }, '403 operation_not_granted'],
    ['a row by a tool entry', tool, read('search'), '403 operation_not_granted'],
  ])('%s', async (_, detail, operation, reason) => {
    expect(await judge([detail], { operation })).toBe(reason)
    expect(await judge([detail], { operation: async () => operation })).toBe(reason)
  })

  test('a path grant does not cover a row, a row grant does not cover a path', async () => {
    expect(await judge([flights], { operation: read('flights/42') })).toBe('403 operation_not_granted')
    expect(await judge([row], {})).toBe('403 operation_not_granted')
  })

  test('an operation that cannot be named is refused', async () => {
    expect(await judge([row], { operation: () => undefined })).toBe('403 operation_not_granted')
    expect(await judge([flights], { operation: () => Promise.reject(new Error()) })).toBe('403 operation_not_granted')
  })
})

describe('scopes', () => {
  const byScope = async (change: object, request: object) => {
    const verdict = await guard.verify(requestWith(tokenWith({ authorization_details: undefined, ...change }), request))
    return verdict.ok
      ? 'allowed'
      : `${verdict.status} ${verdict.reason} ${/scope="([^"]*)"/.exec(verdict.headers['www-authenticate'] ?? '')?.[1]}`
  }
  test('decide for a token without details, if the operation names some', async () => {
    expect(await byScope({ scope: 'flights:read x' }, { scope: ['flights:read'] })).toBe('allowed')
    expect(await byScope({ scope: 'flights:read' }, { scope: ['flights:read', 'y'] })).toBe('403 scope_missing flights:read y')
    expect(await byScope({}, { scope: ['flights:read'] })).toBe('403 scope_missing flights:read')
    expect(await byScope({ scope: 'flights:read' }, {})).toBe('403 operation_not_granted undefined')
    expect(await byScope({ scope: 'flights:read' }, { scope: [] })).toBe('403 operation_not_granted undefined')
  })
  test('do not widen what the details say', async () => {
    expect(
      await byScope({ scope: 'flights:read', authorization_details: [flights] }, { scope: ['flights:read'], url: '/v1/other' }),
    ).toContain('403 operation_not_granted')
  })
})

describe('presence', () => {
  const here = { operation: { type: 'presence' } as const }
  const elsewhere = { ...flights, locations: ['https://other.example/v1'] }

  test.each([
    ['a call over HTTP', [flights], 'allowed'],
    ['a tool', [{ type: 'agent_tool', locations: [resource], actions: ['search'] }], 'allowed'],
    ['a row', [{ type: 'agent_row', locations: [resource], actions: ['read'], identifier: 'orders/*' }], 'allowed'],
    ['something of another resource only', [elsewhere], '403 operation_not_granted'],
  ])('of a token that grants %s: %s', async (_, details, reason) => expect(await judge(details, here)).toBe(reason))

  test('is granted by any scope, and by nothing where a token grants nothing', async () => {
    const of = async (scope: string | undefined) =>
      reasonOf(await guard.verify(requestWith(tokenWith({ authorization_details: undefined, scope }), here)))
    expect(await of('flights:list')).toBe('allowed')
    expect(await of(undefined)).toBe('403 operation_not_granted')
  })
})

describe('a refusal says what to ask for', () => {
  const bodyOf = async (request: object, options: Partial<GuardOptions> = {}) => {
    const verdict = await guardWith(options).verify(requestWith(tokenWith(), request))
    return verdict.ok ? undefined : verdict.body
  }
  const needed = (method: string, uri_template: string) => [
    { type: 'agent_http', locations: [resource], methods: [method], uri_template },
  ]

  test.each<[string, object, Partial<GuardOptions>, object[]]>([
    ['another path', { url: '/v1/hotels/7' }, {}, needed('GET', '/hotels/7')],
    [
      'another method, with an encoded letter',
      { method: 'DELETE', url: '/v1/flights/a%20b' },
      {},
      needed('DELETE', '/flights/a%20b'),
    ],
    ['the root', { url: '/v1/' }, {}, needed('GET', '/')],
    ['a path behind a proxy that changes it', { url: '/inner/hotels/7' }, { mountPath: '/inner' }, needed('GET', '/hotels/7')],
  ])('of %s', async (_what, request, options, details) => {
    expect(await bodyOf(request, options)).toMatchObject({ error: 'insufficient_scope', authorization_details: details })
    // And with that it is let in.
    const token = tokenWith({ authorization_details: details })
    expect(reasonOf(await guardWith(options).verify(requestWith(token, request)))).toBe('allowed')
  })

  test.each([
    ['a query, which nothing grants', { url: '/v1/flights/42?x=1' }],
    ['a path beside the resource', { url: '/v2/flights/42' }],
    ['an operation of another kind', { operation: { type: 'agent_tool', tool: 'x' } }],
    ['a method that is no word', { method: 'M-SEARCH' }],
  ])('but not of %s', async (_what, request) => {
    expect(await bodyOf(request)).not.toHaveProperty('authorization_details')
  })

  test('but not to somebody without a good token', async () => {
    expect(await bodyOf({ url: '/v1/hotels/7', certificate: undefined })).not.toHaveProperty('authorization_details')
    expect(await bodyOf({ url: '/v1/hotels/7', headers: {} })).toEqual({})
  })
})
