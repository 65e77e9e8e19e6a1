import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCursors } from '#apps/broker/http/cursor.ts'
import { v1Access } from '#apps/broker/routes/v1/access-table.ts'
import { expectDocumented } from '../expect-documented.ts'
import { bootstrap, type Management, type Operators, ordersApi, startManagement } from './management.ts'

let api: Management
let who: Operators
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
})
afterAll(() => api.close())

const resource = () => ({ ...ordersApi, uri: `https://api.example/${randomUUID()}` })
const countResources = async () => (await api.admin<{ n: number }[]>`select count(*)::int as n from mayfly.resource`)[0]!.n

describe('Idempotency-Key', () => {
  const post = (key: string, body: object, token = who.tenantAdmin) =>
    api.call('POST', '/v1/resources', token, body, { 'idempotency-key': key })

  test('the same request does the work once and gets the same answer, the key quoted or bare', async () => {
    const body = resource()
    const before = await countResources()
    const first = await post('"key-1"', body)
    const second = await post('key-1', { ...body })
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.body).toEqual(first.body)
    expect(second.headers['location']).toBe(first.headers['location'])
    expect(await countResources()).toBe(before + 1)
  })

  test('another body or path under a used key is 422; another credential’s key is another key', async () => {
    await post('"key-2"', resource())
    const other = await post('"key-2"', resource())
    expect([other.status, other.body.type]).toEqual([422, 'urn:mayfly:error:idempotency_mismatch'])
    expect((await post('"key-2"', resource(), who.otherAdmin)).status).toBe(201)
  })

  test('a refused request leaves the key free', async () => {
    expect((await post('"key-3"', { ...resource(), uri: ordersApi.uri, scopes: [], details_types: [] })).status).toBe(400)
    expect((await post('"key-3"', resource())).status).toBe(201)
  })

  test('of concurrent requests one works, and the others wait for nothing', async () => {
    const body = resource()
    const answers = await Promise.all(Array.from({ length: 4 }, () => post('"key-4"', body)))
    expect(answers.every(answer => answer.status === 201 || answer.body.type === 'urn:mayfly:error:idempotency_in_flight')).toBe(
      true,
    )
    const made = answers.filter(answer => answer.status === 201).map(answer => answer.body.id)
    expect(new Set(made).size).toBe(1)
  })

  test('an answer with a secret is neither stored nor repeated', async () => {
    const send = () =>
      api.call('POST', '/v1/operators', who.tenantAdmin, { name: 'once', role: 'auditor' }, { 'idempotency-key': '"key-5"' })
    const [first, second] = [await send(), await send()]
    expect(first.status).toBe(201)
    expect([second.status, second.body.type]).toEqual([409, 'urn:mayfly:error:idempotency_not_replayable'])
    const rows = await api.admin`select * from mayfly.idempotency`
    expect(JSON.stringify(rows)).not.toContain('mfo_')
    const made = await api.admin`select from mayfly.credential where name = 'once'`
    expect(made).toHaveLength(1)
  })

  test.each(['', '"', '"a', 'a b', '"a"b"', '"\u00fc"', `"${'x'.repeat(256)}"`])('refuses the key %j', async key => {
    expect((await post(key, resource())).status).toBe(400)
  })

  test('an answer older than a day is forgotten', async () => {
    const body = resource()
    await post('"key-6"', body)
    await api.admin`update mayfly.idempotency set expires_at = clock_timestamp()`
    expect((await post('"key-6"', body)).status).toBe(409)
    expect((await post('"key-6"', resource())).status).toBe(201)
  })
})

describe('lists', () => {
  test('are read page by page, each item once', async () => {
    for (let i = 0; i < 5; i++) await api.call('POST', '/v1/resources', who.otherAdmin, resource())
    const seen: string[] = []
    let url = '/v1/resources?limit=2'
    for (;;) {
      const { status, body } = await api.call('GET', url, who.otherAdmin)
      expect(status).toBe(200)
      seen.push(...body.items.map((item: { id: string }) => item.id))
      if (body.next_cursor === undefined) break
      url = `/v1/resources?limit=2&cursor=${body.next_cursor}`
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual([...seen].sort())
    expect(seen.length).toBeGreaterThanOrEqual(5)
  })

  test('a forged, mutated or borrowed cursor is 400 (attack 23)', async () => {
    const { body } = await api.call('GET', '/v1/resources?limit=1', who.otherAdmin)
    const cursor: string = body.next_cursor
    const forged = createCursors(Buffer.alloc(32)).write('/v1/resources', randomUUID())
    const mutated = Array.from(cursor, (c, i) => cursor.slice(0, i) + (c === 'A' ? 'B' : 'A') + cursor.slice(i + 1))
    for (const wrong of [forged, ...mutated, cursor.slice(0, -1), `${cursor}A`, `${cursor}=`, 'x', randomUUID()]) {
      const answer = await api.call('GET', `/v1/resources?cursor=${wrong}`, who.otherAdmin)
      expect([answer.status, answer.body.type]).toEqual([400, 'urn:mayfly:error:invalid_cursor'])
    }
    expect((await api.call('GET', `/v1/resources?cursor=${cursor}`, who.tenantAdmin)).status).toBe(400)
    expect((await api.call('GET', `/v1/agents?cursor=${cursor}`, who.otherAdmin)).status).toBe(400)
  })

  test.each(['limit=0', 'limit=201', 'limit=x', 'limit=1.5', 'limit=1&limit=2', 'cursor=', 'other=1'])(
    'refuses ?%s',
    async query => {
      expect((await api.call('GET', `/v1/resources?${query}`, who.tenantAdmin)).status).toBe(400)
    },
  )
})

describe('bodies', () => {
  test.each([
    'text/plain',
    'application/json\tx',
    'application/json ; charset=utf-8 garbage',
    'application/json;charset=utf-16',
    'application/json; charset=latin1',
    'application/jsonx',
    'application/json, text/plain',
    'application/problem+json',
    'application/x-www-form-urlencoded',
    'application/json; charset=utf-8; a=b',
    '\tapplication/json/x',
    '',
  ])('content type %j is 415 (attack 24)', async type => {
    const answer = await api.call('POST', '/v1/resources', who.tenantAdmin, resource(), { 'content-type': type })
    expect([answer.status, answer.body.type]).toEqual([415, 'urn:mayfly:error:invalid_request'])
  })

  test.each(['application/json', 'Application/JSON', 'application/json;charset=utf-8', 'application/json; charset=UTF-8'])(
    'content type %j is taken',
    async type => {
      expect((await api.call('POST', '/v1/resources', who.tenantAdmin, resource(), { 'content-type': type })).status).toBe(201)
    },
  )

  test('too large is 413, too deep and not UTF-8 are 400 (attack 25)', async () => {
    const post = (payload: string | Buffer) =>
      api.app.inject({
        method: 'POST',
        url: '/v1/resources',
        payload,
        headers: { authorization: `Bearer ${who.tenantAdmin}`, 'content-type': 'application/json' },
      })
    expect((await post(JSON.stringify({ name: 'x'.repeat(300_000) }))).statusCode).toBe(413)
    expect((await post('['.repeat(100_000))).statusCode).toBe(400)
    expect((await post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).statusCode).toBe(400)
  })
})

describe('paths', () => {
  test('an unknown path is 404, a known one with another method 405 with Allow', async () => {
    const nowhere = await api.call('GET', '/v1/nowhere', who.tenantAdmin)
    expect([nowhere.status, nowhere.body.type]).toEqual([404, 'urn:mayfly:error:not_found'])
    const patch = await api.call('PATCH', `/v1/agents/agt_${'0'.repeat(32)}`, who.tenantAdmin)
    expect([patch.status, patch.headers['allow']]).toEqual([405, 'DELETE, GET, PUT'])
    for (const url of ['/v1/agents/', '//v1/agents', '/V1/agents', '/v1/%61gents/x/y', '/v1/agents/..', '/v1/agents%2f'])
      expect([400, 404]).toContain((await api.call('GET', url, who.tenantAdmin)).status)
  })
})

describe('URLs that no route reads', () => {
  test.each([`/v1/%zz${'canary'}`, `/v1/agents/${'canary'.repeat(100)}`])(
    '%s is a problem that does not repeat it',
    async url => {
      const answer = await api.call('GET', url, who.tenantAdmin)
      expect([400, 404]).toContain(answer.status)
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(answer.text).not.toContain('canary')
      expect(api.logLines.join('')).not.toContain('canary')
    },
  )
})

describe('OpenAPI', () => {
  test('every route stands in it, with its credentials, its answers and an example of its body', async () => {
    const { body } = await api.call('GET', '/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    const listed = Object.entries(body.paths as Record<string, Record<string, unknown>>).flatMap(([path, methods]) =>
      Object.keys(methods).map(method => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    )
    expect(listed.sort()).toEqual(Object.keys(v1Access).sort())
    expectDocumented(body)
  })
})
