import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDevCa } from '#apps/standalone/dev-ca.ts'
import { bootstrap, type Management, type Operators, openIdSource, ordersApi, reporter, startManagement } from './management.ts'

let api: Management
let who: Operators
let source: string
let caPem: string

beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
  caPem = (await createDevCa({ now: new Date(), commonName: 'Test CA' })).certificatePem
  source = (await api.call('POST', '/v1/trust-sources', who.tenantAdmin, openIdSource)).body.id
})
afterAll(() => api.close())

const pointers = (answer: { body: { errors: { pointer: string }[] } }) => answer.body.errors.map(error => error.pointer)
const eventTypes = async () =>
  (await api.admin<{ type: string }[]>`select leaf::jsonb ->> 'type' as type from log.entry order by position`).map(
    row => row.type,
  )
const epoch = async () => (await api.admin<{ e: bigint }[]>`select config_epoch as e from mayfly.tenant where is_first`)[0]!.e

/** One valid body of each kind, its path, and a changed one. */
const kinds = [
  {
    path: '/v1/trust-sources',
    noun: 'trust_source',
    make: () => ({ kind: 'x509_ca', name: randomUUID(), anchors_pem: [caPem] }),
  },
  { path: '/v1/agents', noun: 'agent', make: () => ({ ...reporter(source), name: randomUUID() }) },
  { path: '/v1/resources', noun: 'resource', make: () => ({ ...ordersApi, uri: `https://api.example/${randomUUID()}` }) },
]

describe.each(kinds)('$path', ({ path, noun, make }) => {
  test('is created, shown, listed, replaced and deleted, each change with one audit event and a new config epoch', async () => {
    const [before, epochBefore] = [(await eventTypes()).length, await epoch()]
    const body = make()
    const created = await api.call('POST', path, who.tenantAdmin, body)
    expect(created.status).toBe(201)
    expect(created.body).toMatchObject(body)
    expect(created.headers['location']).toBe(`${path}/${created.body.id}`)
    const shown = await api.call('GET', `${path}/${created.body.id}`, who.auditor)
    expect(shown.body).toEqual(created.body)
    const listed = await api.call('GET', path, who.auditor)
    expect(listed.body.items).toContainEqual(created.body)
    const replaced = await api.call('PUT', `${path}/${created.body.id}`, who.tenantAdmin, { ...body, name: 'renamed' })
    expect(replaced.status).toBe(200)
    expect(replaced.body.name).toBe('renamed')
    expect((await api.call('DELETE', `${path}/${created.body.id}`, who.tenantAdmin)).status).toBe(204)
    expect((await eventTypes()).slice(before)).toEqual([`${noun}.created`, `${noun}.changed`, `${noun}.deleted`])
    expect((await api.call('GET', `${path}/${created.body.id}`, who.tenantAdmin)).status).toBe(404)
    expect(await epoch()).toBe(epochBefore + 3n)
  })

  test('is refused to strangers, to roles without the right, and hidden from other tenants', async () => {
    const { body } = await api.call('POST', path, who.tenantAdmin, make())
    const url = `${path}/${body.id}`
    for (const [method, at, payload] of [
      ['POST', path, make()],
      ['GET', path],
      ['GET', url],
      ['PUT', url, make()],
      ['DELETE', url],
    ] as const) {
      expect((await api.call(method, at, undefined, payload)).status).toBe(401)
      expect((await api.call(method, at, who.platformAdmin, payload)).status).toBe(403)
      if (method !== 'GET') expect((await api.call(method, at, who.auditor, payload)).status).toBe(403)
    }
    expect((await api.call('GET', url, who.otherAdmin)).status).toBe(404)
    expect((await api.call('DELETE', url, who.otherAdmin)).status).toBe(404)
    const elsewhere = path === '/v1/agents' ? undefined : await api.call('PUT', url, who.otherAdmin, make())
    if (elsewhere) expect(elsewhere.status).toBe(404)
    const list = await api.call('GET', path, who.otherAdmin)
    expect(list.body.items.map((item: { id: string }) => item.id)).not.toContain(body.id)
  })

  test('a malformed body changes nothing and names every fault', async () => {
    const before = (await eventTypes()).length
    for (const body of [
      '',
      '[]',
      '"x"',
      'null',
      '{"name":1,"name":2}',
      '{"__proto__":{}}',
      '{',
      `{"name":"\\ud800"}`,
      '{"name":1.5}',
    ])
      expect((await api.call('POST', path, who.tenantAdmin, body)).status).toBe(400)
    const answer = await api.call('POST', path, who.tenantAdmin, { ...make(), name: 'a\u202eb', surprise: true })
    expect(answer.status).toBe(400)
    expect(answer.body.type).toBe('urn:mayfly:error:validation_failed')
    expect(pointers(answer).sort()).toEqual(['/name', '/surprise'])
    expect((await api.call('GET', `${path}/nonsense`, who.tenantAdmin)).status).toBe(400)
    expect((await eventTypes()).length).toBe(before)
  })
})

describe('agents', () => {
  const post = (change: object, token = who.tenantAdmin) =>
    api.call('POST', '/v1/agents', token, { ...reporter(source), name: randomUUID(), ...change })
  const rule = (change: object) => ({ rules: [{ trust_source: source, claims: { sub: 'a:b' }, ...change }] })

  test.each([
    ['/rules/0/claims', () => rule({ claims: { repository: 'a/b' } })],
    ['/rules/0/claims/sub', () => rule({ claims: { sub: 'repo:*x/y' } })],
    ['/rules/0/claims/sub', () => rule({ claims: { sub: '**' } })],
    ['/rules/0/claims/sub', () => rule({ claims: { sub: 'a/**/b' } })],
    ['/rules/0/claims/a~1b', () => rule({ claims: { sub: 'a', 'a/b': '**x' } })],
    ['/rules/0/san_uri', () => rule({ san_uri: 'spiffe://x/y' })],
    ['/rules/0/trust_source', () => rule({ trust_source: `src_${'0'.repeat(32)}` })],
    ['/settings/certificate_ttl_seconds', () => ({ settings: { certificate_ttl_seconds: 86_401 } })],
    ['/ceiling', () => ({ ceiling: {} })],
    ['/ceiling/scope', () => ({ ceiling: { scope: 'a  b' } })],
    ['/ceiling/authorization_details/1', () => ({ ceiling: { authorization_details: [httpDetail, { type: 'unheard' }] } })],
    ['/review_on', () => ({ review_on: '2020-01-01' })],
    ['/review_on', () => ({ review_on: '2099-02-30' })],
    ['/settings/token_ttl_seconds', () => ({ settings: { account_ttl_seconds: 60, token_ttl_seconds: 61 } })],
    [
      '/settings/default_permission/resource',
      () => ({ settings: { default_permission: { resource: 'https://nobody.example/', scope: 'orders:read' } } }),
    ],
    ['/settings/binding', () => ({ settings: { binding: 'none' } })],
  ])('refuses at %s', async (pointer, change) => {
    const answer = await post(change())
    expect(answer.status).toBe(400)
    expect(pointers(answer)).toEqual([pointer])
  })

  const httpDetail = {
    type: 'agent_http',
    locations: ['https://API.example:443/'],
    methods: ['get'],
    uri_template: '/orders/{id}',
  }

  test('the ceiling is kept in normal form, once for equal content', async () => {
    const permission = { scope: 'b a a', authorization_details: [httpDetail, httpDetail] }
    const [first, second] = [await post({ ceiling: permission }), await post({ ceiling: { ...permission, scope: 'a b' } })]
    expect(first.body.ceiling.scope).toBe('a b')
    expect(first.body.ceiling.authorization_details).toHaveLength(1)
    expect(first.body.ceiling.authorization_details[0]).toMatchObject({ locations: ['https://api.example/'], methods: ['GET'] })
    expect(second.body.ceiling).toEqual(first.body.ceiling)
    const [{ ids }] = await api.admin<[{ ids: number }]>`
      select count(distinct ceiling_id)::int as ids from mayfly.agent where name in (${first.body.name}, ${second.body.name})`
    expect(ids).toBe(1)
  })

  test('rules of a certificate authority name exactly one kind of name', async () => {
    const ca = await api.call('POST', '/v1/trust-sources', who.tenantAdmin, {
      kind: 'x509_ca',
      name: randomUUID(),
      anchors_pem: [caPem],
    })
    const good = await post({ rules: [{ trust_source: ca.body.id, san_uri: 'spiffe://example/agent/*' }] })
    expect(good.status).toBe(201)
    expect((await post({ rules: [{ trust_source: ca.body.id, subject_dn: 'CN=worker,O=Example' }] })).status).toBe(201)
    const bad = [{}, { san_uri: 'a:b', san_dns: 'x.example' }, { claims: { sub: 'x' } }, { subject_dn: 'nonsense' }]
    const answer = await post({ rules: bad.map(change => ({ trust_source: ca.body.id, ...change })) })
    expect(pointers(answer)).toEqual(['/rules/0', '/rules/1', '/rules/2/claims', '/rules/2', '/rules/3/subject_dn'])
  })

  test('another tenant’s trust source cannot be named, and names are unique in a tenant only', async () => {
    expect(pointers(await post({}, who.otherAdmin))).toEqual(['/rules/0/trust_source'])
    const name = randomUUID()
    expect((await post({ name })).status).toBe(201)
    expect((await post({ name })).status).toBe(409)
  })

  test('a default permission lies within the ceiling', async () => {
    const resource = await api.call('POST', '/v1/resources', who.tenantAdmin, {
      ...ordersApi,
      uri: 'https://api.example/defaults',
    })
    const settings = (scope: string) => ({ settings: { default_permission: { resource: resource.body.uri, scope } } })
    expect((await post(settings('orders:read'))).status).toBe(201)
    expect(pointers(await post(settings('orders:write')))).toEqual(['/settings/default_permission'])
  })
})

describe('resources', () => {
  const post = (change: object, token = who.tenantAdmin) =>
    api.call('POST', '/v1/resources', token, { ...ordersApi, uri: `https://api.example/${randomUUID()}`, ...change })

  test('a URI has one owner in the whole deployment (attack 34)', async () => {
    const uri = 'https://api.example/mine'
    expect((await post({ uri })).status).toBe(201)
    const second = await post({ uri }, who.otherAdmin)
    expect(second.status).toBe(409)
    expect(second.body.detail).toContain('one owner')
    expect(second.text).not.toContain(who.tenant)
    for (const spelling of [
      'https://API.example/mine',
      'https://api.example:443/mine',
      'https://api.example/x/../mine',
      'https://api.example/%6Dine/../mine',
    ])
      expect(pointers(await post({ uri: spelling }, who.otherAdmin))).toEqual(['/uri'])
  })

  test.each([
    ['/uri', { uri: '/orders' }],
    ['/uri', { uri: 'https://api.example/#x' }],
    ['/uri', { uri: 'https://api.example/ü' }],
    ['/uri', { uri: 'https://broker.example' }],
    ['/uri', { uri: 'https://broker.example/t/other' }],
    ['/uri', { uri: 'javascript:alert(1)' }],
    ['/enforces', { enforces: ['cnf'] }],
    ['/enforces', { enforces: ['rar'] }],
    ['/details_types/0', { details_types: ['unheard'] }],
    [
      '/scopes/1/name',
      {
        scopes: [
          { name: 'a', description: 'x' },
          { name: 'a', description: 'y' },
        ],
      },
    ],
    ['/scopes/0/name', { scopes: [{ name: 'a b', description: 'x' }] }],
    ['', { scopes: [], details_types: [] }],
    ['/enforces', { max_ttl_seconds: 901 }],
    ['/max_ttl_seconds', { max_ttl_seconds: 3601 }],
  ])('refuses at %s: %j', async (pointer, change) => {
    const answer = await post(change)
    expect(answer.status).toBe(400)
    expect(pointers(answer)).toEqual([pointer])
  })

  test('its URI stays', async () => {
    const made = await post({})
    const answer = await api.call('PUT', `/v1/resources/${made.body.id}`, who.tenantAdmin, {
      ...ordersApi,
      uri: 'https://api.example/moved',
    })
    expect(pointers(answer)).toEqual(['/uri'])
  })
})
