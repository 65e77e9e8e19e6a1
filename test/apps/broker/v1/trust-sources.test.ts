import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDevCa } from '#apps/standalone/dev-ca.ts'
import { bootstrap, type Management, type Operators, openIdSource, reporter, startManagement } from './management.ts'

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
describe('trust sources', () => {
  const post = (body: object, token = who.tenantAdmin) => api.call('POST', '/v1/trust-sources', token, body)

  test('the audience is the tenant’s own issuer unless it is named', async () => {
    const shown = await api.call('GET', `/v1/trust-sources/${source}`, who.tenantAdmin)
    expect(shown.body.audience).toBe('https://broker.example')
    const other = await post({ ...openIdSource }, who.otherAdmin)
    expect(other.body.audience).toBe('https://broker.example/t/other')
  })

  test('the same issuer with the same audience has one owner in the whole deployment (attack 34)', async () => {
    const body = { ...openIdSource, name: 'shared', audience: 'mayfly-shared' }
    expect((await post(body)).status).toBe(201)
    const second = await post(body, who.otherAdmin)
    expect(second.status).toBe(409)
    expect(second.body.detail).toContain('Choose an audience that only this one uses')
    const stolen = await post({ ...openIdSource, name: 'thief', audience: 'https://broker.example' }, who.otherAdmin)
    expect(pointers(stolen)).toEqual(['/audience'])
  })

  test.each([
    ['/issuer', { issuer: 'http://ci.example' }],
    ['/issuer', { issuer: 'https://ci.example/?a=b' }],
    ['/issuer', { issuer: 'https://ci.example#x' }],
    ['/issuer', { issuer: 'https://user@ci.example' }],
    ['/issuer', { issuer: 'https://CI.example' }],
    ['/issuer', { issuer: 'https://ci.example:443' }],
    ['/issuer', { issuer: 'https://ci.example/a/../b' }],
    ['/issuer', { issuer: 'ci.example' }],
    ['/issuer', { issuer: 'https://broker.example/t/other' }],
    ['/audience', { audience: 'https://kubernetes.default.svc' }],
    ['/audience', { audience: 'two words' }],
    ['/jwks_uri', { jwks_uri: 'http://ci.example/jwks' }],
    ['/jwks_uri', { jwks_uri: 'file:///etc/passwd' }],
    ['/algorithms/0', { algorithms: ['HS256'] }],
    ['/algorithms/1', { algorithms: ['RS256', 'none'] }],
    ['/ca_pem', { ca_pem: 'nonsense' }],
    ['/max_age_seconds', { max_age_seconds: 0 }],
  ])('refuses at %s: %j', async (pointer, change) => {
    const answer = await post({ ...openIdSource, name: randomUUID(), ...change })
    expect(answer.status).toBe(400)
    expect(pointers(answer)).toEqual([pointer])
  })

  test('anchors are certificates of authorities, one in each entry, without a key', async () => {
    const { issueClientCertificate, keyToPem, newKeys } = await import('#apps/standalone/dev-ca.ts')
    const ca = await createDevCa({ now: new Date(), commonName: 'CA' })
    const leaf = await issueClientCertificate(ca, { now: new Date(), uris: ['spiffe://example/x'] })
    const key = await keyToPem((await newKeys()).privateKey)
    const anchors_pem = [leaf.certificatePem, `${caPem}${ca.certificatePem}`, `${caPem}${key}`, 'x']
    const answer = await post({ kind: 'x509_ca', name: randomUUID(), anchors_pem })
    expect(pointers(answer)).toEqual(['/anchors_pem/0', '/anchors_pem/1', '/anchors_pem/2', '/anchors_pem/3'])
    expect(JSON.stringify(api.logLines)).not.toContain(key.split('\n')[1])
  })

  test('its kind stays, and it cannot go while an agent’s rule names it', async () => {
    const made = await post({ ...openIdSource, name: 'used', audience: 'used' })
    const agent = await api.call('POST', '/v1/agents', who.tenantAdmin, { ...reporter(made.body.id), name: 'user of it' })
    const changed = await api.call('PUT', `/v1/trust-sources/${made.body.id}`, who.tenantAdmin, {
      kind: 'x509_ca',
      name: 'used',
      anchors_pem: [caPem],
    })
    expect(pointers(changed)).toEqual(['/kind'])
    const refused = await api.call('DELETE', `/v1/trust-sources/${made.body.id}`, who.tenantAdmin)
    expect(refused.status).toBe(409)
    expect(refused.body.detail).toContain(agent.body.id)
    await api.call('DELETE', `/v1/agents/${agent.body.id}`, who.tenantAdmin)
    expect((await api.call('DELETE', `/v1/trust-sources/${made.body.id}`, who.tenantAdmin)).status).toBe(204)
  })

  test('when it is deleted while an agent is registered for it, one of the two is refused', async () => {
    for (let round = 0; round < 5; round++) {
      const made = await post({ ...openIdSource, name: randomUUID(), audience: randomUUID() })
      const [agent, deleted] = await Promise.all([
        api.call('POST', '/v1/agents', who.tenantAdmin, { ...reporter(made.body.id), name: randomUUID() }),
        api.call('DELETE', `/v1/trust-sources/${made.body.id}`, who.tenantAdmin),
      ])
      expect([
        [201, 409],
        [400, 204],
      ]).toContainEqual([agent.status, deleted.status])
    }
  })

  test('an unknown kind is told which there are', async () => {
    const answer = await post({ kind: 'ldap', name: 'x' })
    expect(pointers(answer)).toEqual(['/kind'])
    expect(answer.body.errors[0].detail).toMatch(/^This must be one of openid, x509_ca, spiffe, pinned/)
  })
})
