import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { guardByTable } from '#apps/broker/http/access.ts'
import { answerRefusals } from '#apps/broker/http/answer-refusals.ts'
import { v1Access } from '#apps/broker/routes/v1/access-table.ts'
import { newSecret } from '#core/ids/secret.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { bootstrap, type Management, type Operators, ordersApi, startManagement } from './management.ts'

let api: Management
let who: Operators
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
})
afterAll(() => api.close())

const anId = (prefix: string) => `${prefix}_${'0'.repeat(32)}`
const urlOf = (pattern: string) =>
  pattern
    .replace(':credential_id', anId('crd'))
    .replace(/^(\/v1\/trust-sources\/):id/, `$1${anId('src')}`)
    .replace(/^(\/v1\/agents\/):id/, `$1${anId('agt')}`)
    .replace(/^(\/v1\/resources\/):id/, `$1${anId('res')}`)
    .replace(/^(\/v1\/operators\/):id/, `$1${anId('crd')}`)
    .replace(/^(\/v1\/sign-in-providers\/):id/, `$1${anId('idp')}`)
    .replace(/^(\/v1\/people\/):id/, `$1${anId('psn')}`)
    .replace(/^(\/v1\/changes\/):id/, `$1${anId('chg')}`)
    .replace(/^(\/v1\/tenants\/):id/, `$1${anId('ten')}`)
    // What is followed has no end.
    .replace(/^\/v1\/audit\/stream$/, '$&?follow=false')

describe('the table of who may call what', () => {
  const rows = Object.entries(v1Access).map(([name, access]) => ({
    name,
    method: name.split(' ')[0]!,
    url: urlOf(name.split(' ')[1]!),
    access,
  }))

  test.each(rows.filter(row => row.access !== 'anyone'))(
    '$name refuses strangers before it reads a body',
    async ({ method, url }) => {
      for (const token of [
        undefined,
        'nonsense',
        newSecret('operator'),
        newSecret('session'),
        newSecret('resource'),
        newSecret('bootstrap'),
      ]) {
        const answer = await api.call(method, url, token, method === 'GET' || method === 'DELETE' ? undefined : '{ not json')
        expect(answer.status).toBe(401)
        expect(answer.body.type).toBe('urn:mayfly:error:invalid_token')
      }
    },
  )

  test('nobody else than who signs in comes without a credential', () => {
    const open = rows.filter(row => row.access === 'anyone').map(row => row.name)
    expect(open).toEqual(['GET /v1/sign-in', 'POST /v1/sessions'])
  })

  test.each(rows.filter(row => typeof row.access !== 'string'))(
    '$name lets in exactly the roles of its row',
    async ({ method, url, access }) => {
      const tokens = { 'platform-admin': who.platformAdmin, 'tenant-admin': who.tenantAdmin, auditor: who.auditor } as const
      for (const [role, token] of Object.entries(tokens)) {
        // A body that no schema takes: whoever is let in meets 400, 404 or 409, and nothing is changed.
        const answer = await api.call(method, url, token, method === 'GET' || method === 'DELETE' ? undefined : {})
        if ((access as readonly string[]).includes(role)) expect([200, 400, 404, 409]).toContain(answer.status)
        else expect(answer.status).toBe(403)
      }
    },
  )

  test('whoever is known and may not stands in the log, once a minute for the same', async () => {
    const refused = async () => {
      const entries = await readLog(api.admin)
      return entries.filter(({ leaf, body }) => leaf.type === 'operator.refused' && body.operation === 'POST /v1/webhooks')
    }
    const before = (await refused()).length
    const made = await api.call('POST', '/v1/operators', who.tenantAdmin, { role: 'auditor', name: 'curious' })
    const ask = () => api.call('POST', '/v1/webhooks', made.body.token, {})
    // At once, then one after the other.
    for (const { status } of await Promise.all([ask(), ask(), ask(), ask()])) expect(status).toBe(403)
    for (let n = 0; n < 2; n++) expect((await ask()).status).toBe(403)
    const [entry, ...rest] = (await refused()).slice(before)
    expect(rest).toEqual([])
    expect(entry!.body).toMatchObject({ actor: made.body.id, actor_role: 'auditor', reason: 'role' })
  })

  test('whoever is let in and refused by a handler stands in the log too, with what it asked for', async () => {
    const made = await api.call('POST', '/v1/operators', who.tenantAdmin, { role: 'auditor', name: 'reaching' })
    const { id, token } = made.body as { readonly id: string; readonly token: string }
    const [tenant, account] = [anId('ten'), anId('acct')]
    expect((await api.call('GET', `/v1/audit?tenant=${tenant}`, token)).status).toBe(403)
    expect((await api.call('GET', `/v1/audit?tenant=${tenant}`, token)).status).toBe(403)
    expect((await api.call('GET', '/v1/audit?private=open', who.platformAdmin)).status).toBe(403)
    expect((await api.call('GET', `/v1/accounts/${account}/trail`, token)).status).toBe(404)
    expect((await api.call('GET', `/v1/revocations?tenant=${tenant}`, token)).status).toBe(403)
    const log = (await readLog(api.admin)).filter(({ leaf }) => leaf.type === 'operator.refused').map(({ body }) => body)
    const told = log.filter(({ actor }) => actor === id).map(({ operation, reason, target }) => ({ operation, reason, target }))
    expect(told).toEqual([
      { operation: 'GET /v1/audit', reason: 'forbidden', target: tenant },
      { operation: 'GET /v1/accounts/:id/trail', reason: 'not_found', target: account },
      { operation: 'GET /v1/revocations', reason: 'forbidden', target: tenant },
    ])
    expect(log).toContainEqual(
      expect.objectContaining({ actor_role: 'platform-admin', operation: 'GET /v1/audit', reason: 'forbidden' }),
    )
  })

  test('that a setting was never made is no refusal', async () => {
    const { body } = await api.call('GET', '/v1/tenants', who.platformAdmin)
    const { id } = body.items[0] as { readonly id: string }
    expect((await api.call('GET', `/v1/tenants/${id}/anonymous`, who.platformAdmin)).status).toBe(404)
    const log = await readLog(api.admin)
    expect(log.filter(({ body: facts }) => facts?.operation === 'GET /v1/tenants/:id/anonymous' && facts.target === id)).toEqual(
      [],
    )
  })

  test('who cannot be recorded is not answered as one who was', async () => {
    const { db, clock } = {
      db: {
        forTenant: () => {
          throw new Error('no database')
        },
      },
      clock: { nowMs: () => 0 },
    }
    const app = Fastify({ exposeHeadRoutes: false })
    app.decorate('logger', { info: () => {}, error: () => {} } as never)
    app.register(async inner => {
      answerRefusals(inner, { db: db as never, clock: clock as never })
      guardByTable(inner, api.database.db, { 'GET /v1/kept': ['auditor'] })
      inner.get('/v1/kept', async () => 'shown')
    })
    const headers = { authorization: `Bearer ${who.tenantAdmin}` }
    expect((await app.inject({ url: '/v1/kept', headers })).statusCode).toBe(500)
    await app.close()
  })

  test('a route that is missing from it stops the boot', async () => {
    const app = Fastify()
    app.register(async inner => {
      guardByTable(inner, api.database.db, {})
      inner.get('/v1/forgotten', async () => 'open to all')
    })
    await expect(app.ready()).rejects.toThrow('route GET /v1/forgotten is missing from the access table')
  })

  test('a row without a route stops the boot', async () => {
    const app = Fastify()
    app.register(async inner => guardByTable(inner, api.database.db, { 'GET /v1/gone': ['auditor'] }))
    await expect(app.ready()).rejects.toThrow('GET /v1/gone')
  })
})

describe('opaque tokens (attack 19)', () => {
  test('a truncated, extended or mutated one is refused, whichever character is changed', async () => {
    const token = who.auditor
    const mutated = Array.from(token, (c, i) => token.slice(0, i) + (c === 'a' ? 'b' : 'a') + token.slice(i + 1))
    for (const wrong of [
      ...mutated,
      token.slice(1),
      token.slice(0, -1),
      `${token}a`,
      token.toUpperCase(),
      `${token} `,
      ` ${token}`,
    ])
      expect((await api.call('GET', '/v1/agents', wrong)).status).toBe(401)
    expect((await api.call('GET', '/v1/agents', token)).status).toBe(200)
  })

  test('an ended one is refused, also while its row is still there', async () => {
    const made = await api.call('POST', '/v1/operators', who.tenantAdmin, { name: 'short', role: 'auditor' })
    await api.admin`update mayfly.credential set expires_at = clock_timestamp() where name = 'short'`
    expect((await api.call('GET', '/v1/agents', made.body.token)).status).toBe(401)
  })

  test('other schemes, two credentials and tokens in the query are refused', async () => {
    for (const authorization of [
      `Basic ${who.auditor}`,
      who.auditor,
      `Bearer ${who.auditor}, Bearer ${who.auditor}`,
      'Bearer',
      '',
    ])
      expect((await api.call('GET', '/v1/agents', undefined, undefined, { authorization })).status).toBe(401)
    expect((await api.call('GET', `/v1/agents?access_token=${who.auditor}`)).status).toBe(401)
  })
})

describe('operators', () => {
  const post = (token: string, body: object) => api.call('POST', '/v1/operators', token, { name: 'x', ...body })

  test('a tenant-admin makes operators of its own tenant and no platform-admin', async () => {
    expect((await post(who.tenantAdmin, { role: 'approver' })).body).toMatchObject({ role: 'approver', tenant: who.tenant })
    expect((await post(who.tenantAdmin, { role: 'platform-admin' })).status).toBe(403)
    expect((await post(who.tenantAdmin, { role: 'auditor', tenant: who.otherTenant })).status).toBe(403)
    expect((await post(who.platformAdmin, { role: 'auditor' })).status).toBe(400)
    expect((await post(who.platformAdmin, { role: 'platform-admin', tenant: who.tenant })).status).toBe(400)
    expect((await post(who.platformAdmin, { role: 'auditor', tenant: anId('ten') })).status).toBe(404)
    expect((await post(who.platformAdmin, { role: 'resource' })).status).toBe(400)
  })

  test('a token is shown once, works at once and not after its deletion', async () => {
    const made = await post(who.tenantAdmin, { role: 'auditor', expires_in_seconds: 3600 })
    expect(made.headers['cache-control']).toBe('no-store')
    expect(Date.parse(made.body.expires_at) - Date.parse(made.body.created_at)).toBeLessThanOrEqual(3_601_000)
    expect((await api.call('GET', '/v1/agents', made.body.token)).status).toBe(200)
    const list = await api.call('GET', '/v1/operators', who.tenantAdmin)
    expect(list.text).not.toContain('mfo_')
    expect((await api.call('DELETE', `/v1/operators/${made.body.id}`, who.otherAdmin)).status).toBe(404)
    expect((await api.call('DELETE', `/v1/operators/${made.body.id}`, who.tenantAdmin)).status).toBe(204)
    expect((await api.call('GET', '/v1/agents', made.body.token)).status).toBe(401)
  })

  test('a tenant’s admin sees its own tenant’s operators only; the last platform-admin stays', async () => {
    const list = await api.call('GET', '/v1/operators', who.otherAdmin)
    expect(list.body.items.every((item: { tenant: string }) => item.tenant === who.otherTenant)).toBe(true)
    expect((await api.call('GET', `/v1/operators?tenant=${who.tenant}`, who.otherAdmin)).status).toBe(403)
    const all = await api.call('GET', '/v1/operators', who.platformAdmin)
    const last = all.body.items.find((item: { role: string }) => item.role === 'platform-admin')
    expect((await api.call('DELETE', `/v1/operators/${last.id}`, who.platformAdmin)).status).toBe(409)
    expect((await api.call('DELETE', `/v1/operators/${last.id}`, who.tenantAdmin)).status).toBe(404)
  })
})

describe('tenants', () => {
  test('each is an issuer of its own; a slug is taken once', async () => {
    const list = await api.call('GET', '/v1/tenants', who.platformAdmin)
    expect(list.body.items.map((item: { issuer: string }) => item.issuer)).toEqual([
      'https://broker.example',
      'https://broker.example/t/other',
    ])
    expect((await api.call('POST', '/v1/tenants', who.platformAdmin, { slug: 'other', name: 'Again' })).status).toBe(409)
    expect((await api.call('POST', '/v1/tenants', who.platformAdmin, { slug: 'a_b', name: 'x' })).status).toBe(400)
  })

  test('others than a platform-admin see their own only', async () => {
    const list = await api.call('GET', '/v1/tenants', who.otherAdmin)
    expect(list.body.items.map((item: { id: string }) => item.id)).toEqual([who.otherTenant])
    expect((await api.call('GET', `/v1/tenants/${who.tenant}`, who.otherAdmin)).status).toBe(404)
    expect((await api.call('GET', `/v1/tenants/${who.tenant}`, who.auditor)).status).toBe(200)
  })
})

describe('resource credentials', () => {
  test('are shown once, belong to one resource of the own tenant, and may not manage anything', async () => {
    const resource = await api.call('POST', '/v1/resources', who.tenantAdmin, ordersApi)
    const path = `/v1/resources/${resource.body.id}/credentials`
    const made = await api.call('POST', path, who.tenantAdmin, { name: 'guard' })
    expect(made.status).toBe(201)
    expect(made.body.token).toMatch(/^mfr_/)
    const list = await api.call('GET', path, who.auditor)
    expect(list.body.items).toHaveLength(1)
    expect(list.text).not.toContain('mfr_')
    expect((await api.call('GET', '/v1/agents', made.body.token)).status).toBe(403)
    for (const [method, url, body] of [
      ['POST', path, { name: 'thief' }],
      ['GET', path],
      ['DELETE', `${path}/${made.body.id}`],
    ] as const)
      expect((await api.call(method, url, who.otherAdmin, body)).status).toBe(404)
    expect((await api.call('DELETE', `${path}/${made.body.id}`, who.tenantAdmin)).status).toBe(204)
    expect((await api.call('GET', '/v1/agents', made.body.token)).status).toBe(401)
    expect((await api.call('POST', path, who.tenantAdmin, { name: 'x', expires_in_seconds: 1 })).status).toBe(400)
  })
})
