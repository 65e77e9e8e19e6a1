import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { type Management, startManagement } from './management.ts'

let api: Management
beforeAll(async () => {
  api = await startManagement()
})
afterAll(() => api.close())

const body = { tenant: { slug: 'acme', name: 'Acme' } }

describe('bootstrap', () => {
  test('refuses without, with a wrong and with a mutated token, and parses no body before', async () => {
    const token = (await createBootstrapToken(api.database.db, Date.now()))!
    for (const wrong of [
      undefined,
      'x',
      token.slice(0, -1),
      `${token}0`,
      token.replace(/.(?=_[0-9a-f]{8}$)/, c => (c === 'A' ? 'B' : 'A')),
      `mfo${token.slice(3)}`,
    ]) {
      const answer = await api.call('POST', '/v1/bootstrap', wrong, '{ not json')
      expect(answer.status).toBe(401)
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="mayfly"')
      expect(answer.text).not.toContain(token)
    }
  })

  test('a body that is refused leaves the token unused, and a new token ends the one before', async () => {
    const first = (await createBootstrapToken(api.database.db, Date.now()))!
    const second = (await createBootstrapToken(api.database.db, Date.now()))!
    expect((await api.call('POST', '/v1/bootstrap', first, body)).status).toBe(401)
    const refused = await api.call('POST', '/v1/bootstrap', second, { tenant: { slug: 'Not A Slug' }, more: 1 })
    expect(refused.status).toBe(400)
    expect(refused.body.errors.map((e: { pointer: string }) => e.pointer).sort()).toEqual([
      '/more',
      '/tenant/name',
      '/tenant/slug',
    ])
  })

  test('a token that is an hour old is refused', async () => {
    const token = (await createBootstrapToken(api.database.db, Date.now() - 3_600_001))!
    expect((await api.call('POST', '/v1/bootstrap', token, body)).status).toBe(401)
  })

  test('of concurrent redemptions exactly one wins; afterwards there is no other token', async () => {
    const token = (await createBootstrapToken(api.database.db, Date.now()))!
    const answers = await Promise.all(Array.from({ length: 5 }, () => api.call('POST', '/v1/bootstrap', token, body)))
    expect(answers.map(answer => answer.status).sort()).toEqual([201, 401, 401, 401, 401])
    const won = answers.find(answer => answer.status === 201)!.body
    expect(won.tenant).toMatchObject({ slug: 'acme', issuer: 'https://broker.example' })
    expect(won.operators.map((operator: { role: string }) => operator.role)).toEqual(['platform-admin', 'tenant-admin'])
    expect(won.operators.every((operator: { token: string }) => operator.token.startsWith('mfo_'))).toBe(true)
    expect(await createBootstrapToken(api.database.db, Date.now())).toBeUndefined()
    const keys = await api.admin`select alg, count(*)::int from mayfly.signing_key group by alg order by alg`
    expect(keys.map(row => ({ ...row }))).toEqual([
      { alg: 'ES256', count: 1 },
      { alg: 'RS256', count: 1 },
    ])
    const types = await api.admin<{ type: string }[]>`select leaf::jsonb ->> 'type' as type from log.entry order by position`
    // Each earlier test offered a token of its own.
    expect(types.map(row => row.type).filter(type => type !== 'bootstrap.offered')).toEqual([
      'tenant.created',
      'signing_key.created',
      'signing_key.created',
      'credential.created',
      'credential.created',
      'bootstrap.redeemed',
    ])
  })
})
