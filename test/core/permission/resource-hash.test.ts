import { describe, expect, test } from 'vitest'
import type { AuthorizationDetail } from '#core/permission/permission.ts'
import { resourceHash } from '#core/permission/resource-hash.ts'
import { normalOne } from './arbitraries.ts'

const issuer = 'https://broker.example'
const api = 'https://api.example/v1'
const db = 'https://db.example/'
const flights = normalOne({ type: 'agent_http', locations: [api], methods: ['GET'], uri_template: '/flights/{id}' })
const row = normalOne({ type: 'agent_row', locations: [db], actions: ['read'], identifier: 'orders/42' })
const order = normalOne({ type: 'agent_http', locations: [db], methods: ['GET'], uri_template: '/orders/42' })
const payment = normalOne({
  type: 'agent_http',
  locations: [api],
  methods: ['POST'],
  uri_template: '/payments',
  content_digest: '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M',
})

describe('resourceHash', () => {
  test.each([
    ['V1', { details: [flights], resource: api, scopes: ['flights:read'] }, 'oyyPSOSULP6E0TDFWvEYLZ98xxeaQdLptkpVmcTQ7To'],
    ['V2', { details: [row, order], resource: db, scopes: [] }, 'jH0cVDpJQigZLfRoKvVvYH-kK9I2tphaN05cXPe_FwI'],
    ['V3', { details: [payment], resource: api, scopes: [] }, 'YbojazYmx6A2NOsgU3lCmdQm5y8f29aM8qpVbBmH2Os'],
  ])('matches the published vector %s', (_name, set, hash) => expect(resourceHash({ issuer, ...set })).toBe(hash))

  test('does not depend on the order of members, which a database may change', () => {
    const shuffled = Object.fromEntries(Object.entries(flights).reverse()) as unknown as AuthorizationDetail
    const set = { issuer, resource: api, scopes: ['flights:read'] }
    expect(resourceHash({ ...set, details: [shuffled] })).toBe(resourceHash({ ...set, details: [flights] }))
  })

  test('differs for another issuer, resource, scope or entry', () => {
    const base = { issuer, details: [flights], resource: api, scopes: ['flights:read'] }
    const others = [
      { issuer: `${issuer}/t/b` },
      { resource: db },
      { scopes: [] },
      { scopes: [''] },
      { details: [] },
      { details: [order] },
    ]
    const hashes = [base, ...others.map(other => ({ ...base, ...other }))].map(resourceHash)
    expect(new Set(hashes).size).toBe(hashes.length)
  })
})
