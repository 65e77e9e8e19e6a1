// What may be registered of each kind of trust source, and what its rules may say.

import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CertificateAuthority, createDevCa, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { makeBundle } from '#test/core/trust-material/bundles.ts'
import { makeSelfSigned, thumbprintOf } from '#test/setup/openssl-like-certificate.ts'
import { listToPem, makeRevocationList } from '#test/setup/revocation-lists.ts'
import { bootstrap, type Management, type Operators, reporter, startManagement } from './management.ts'

const now = new Date()
let api: Management
let who: Operators
let ca: CertificateAuthority
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
  ca = await createDevCa({ now })
})
afterAll(() => api.close())

const post = (body: object) => api.call('POST', '/v1/trust-sources', who.tenantAdmin, { name: randomUUID(), ...body })
const postRule = (trust_source: string, rule: object) =>
  api.call('POST', '/v1/agents', who.tenantAdmin, {
    ...reporter(trust_source),
    name: randomUUID(),
    rules: [{ trust_source, ...rule }],
  })
const pointersOf = (answer: { body: { errors?: { pointer: string }[] } }) => answer.body.errors?.map(error => error.pointer)
const idOf = async (body: object): Promise<string> => (await post(body)).body.id

/** Registered, and shown as it was sent. */
async function expectKept(body: object) {
  const made = await post(body)
  expect([made.status, made.body]).toEqual([201, expect.objectContaining(body)])
  const shown = await api.call('GET', `/v1/trust-sources/${made.body.id}`, who.tenantAdmin)
  expect(shown.body).toEqual(made.body)
}

describe('spiffe', () => {
  const remote = { kind: 'spiffe', trust_domain: 'remote.example', bundle_url: 'https://spire.example/bundle' }

  test('with a bundle, or the address of one', async () => {
    await expectKept({ ...remote, ca_pem: ca.certificatePem })
    await expectKept({ kind: 'spiffe', trust_domain: 'inline.example', bundle: makeBundle([ca], { hint: 300 }) })
  })

  test.each([
    ['', { bundle_url: undefined }],
    ['', { bundle: { keys: [] } }],
    ['/trust_domain', { trust_domain: 'spiffe://x.example' }],
    ['/trust_domain', { trust_domain: 'X.example' }],
    // Of the built-in authority of this tenant, and of another.
    ['/trust_domain', { trust_domain: 'first.broker.example' }],
    ['/trust_domain', { trust_domain: 'other.broker.example' }],
    ['/bundle_url', { bundle_url: 'http://spire.example/bundle' }],
    ['/bundle', { bundle_url: undefined, bundle: { keys: [] } }],
    ['/bundle', { bundle_url: undefined, bundle: { keys: [{ use: 'x509-svid', x5c: ['AAAA'] }] } }],
    ['/ca_pem', { ca_pem: 'x' }],
  ])('refuses at "%s": %j', async (pointer, change) => {
    const answer = await post({ ...remote, trust_domain: 'refused.example', ...change })
    expect([answer.status, pointersOf(answer)]).toEqual([400, expect.arrayContaining([pointer])])
  })

  test('a trust domain is there once in a tenant', async () => {
    const twice = { ...remote, trust_domain: 'once.example' }
    expect((await post(twice)).status).toBe(201)
    const answer = await post(twice)
    expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining('trust domain')])
    expect((await api.call('POST', '/v1/trust-sources', who.otherAdmin, { name: 'mesh', ...twice })).status).toBe(201)
  })

  test.each([
    [201, { spiffe_id: 'spiffe://rules.example/agents/*' }],
    [400, { spiffe_id: 'rules.example/agents/*' }],
    [400, { spiffe_id: 'spiffe://rules.example/agents-*' }],
    [400, { san_uri: 'spiffe://rules.example/agents/a' }],
    [400, { claims: { sub: 'a' } }],
    [400, {}],
  ])('%i: a rule %j', async (status, rule) => {
    const listed = await api.call('GET', '/v1/trust-sources?limit=200', who.tenantAdmin)
    const known = listed.body.items.find((item: { trust_domain?: string }) => item.trust_domain === 'rules.example')
    const source = known?.id ?? (await idOf({ ...remote, trust_domain: 'rules.example' }))
    expect((await postRule(source, rule)).status).toBe(status)
  })
})

describe('pinned', () => {
  const publicJwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const privateJwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  const weakJwk = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  let source: string
  beforeAll(async () => {
    await expectKept({ kind: 'pinned' })
    source = await idOf({ kind: 'pinned' })
  })

  test('a certificate by its thumbprint, a public key as JWK', async () => {
    const thumbprint = thumbprintOf(await makeSelfSigned(now))
    for (const rule of [{ certificate_thumbprint: thumbprint }, { jwk: { ...publicJwk, kid: 'laptop' } }]) {
      const made = await postRule(source, rule)
      expect([made.status, made.body.rules]).toEqual([201, [{ trust_source: source, ...rule }]])
    }
  })

  test.each([
    ['both', { certificate_thumbprint: 'A'.repeat(43), jwk: publicJwk }],
    ['neither', {}],
    ['a thumbprint in another spelling', { certificate_thumbprint: `${'A'.repeat(42)}B` }],
    ['a private key', { jwk: privateJwk }],
    ['a symmetric key', { jwk: { kty: 'oct', k: 'AAAA' } }],
    ['a weak key', { jwk: weakJwk }],
    ['a key for encryption', { jwk: { ...publicJwk, use: 'enc' } }],
    ['another curve', { jwk: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' }) }],
    ['a name', { san_uri: 'spiffe://x/y' }],
  ])('not %s', async (_, rule) => {
    const answer = await postRule(source, rule)
    expect(answer.status).toBe(400)
    expect(answer.text).not.toContain((privateJwk as { d: string }).d)
  })
})

describe('x509_ca', () => {
  const anchored = (crl?: object) => ({ kind: 'x509_ca', anchors_pem: [ca.certificatePem], ...(crl && { crl }) })

  test('with revocation lists, from an address or as they are', async () => {
    const pem = [listToPem(await makeRevocationList(ca, { now }))]
    await expectKept(anchored({ pem }))
    await expectKept(anchored({ url: 'https://lists.example/ca.crl', ca_pem: ca.certificatePem }))
    await expectKept(anchored({ pem, url: 'https://lists.example/ca.crl' }))
  })

  test('not with a list that could not be used', async () => {
    const list = listToPem(await makeRevocationList(ca, { now }))
    const endless = listToPem(await makeRevocationList(ca, { now, nextUpdate: null }))
    const answer = await post(anchored({ pem: [ca.certificatePem, endless, list + list, `${list}${ca.keyPem}`] }))
    expect(pointersOf(answer)).toEqual(['/crl/pem/0', '/crl/pem/1', '/crl/pem/2', '/crl/pem/3'])
    expect(pointersOf(await post(anchored({})))).toEqual(['/crl'])
    expect(pointersOf(await post(anchored({ url: 'http://lists.example/ca.crl' })))).toEqual(['/crl/url'])
  })

  test('its rules name one thing, in one spelling', async () => {
    const source = await idOf(anchored())
    const shown = async (rule: object) => (await postRule(source, rule)).body.rules?.[0]
    expect(await shown({ san_ip: '2001:DB8:0::1' })).toEqual({ trust_source: source, san_ip: '2001:db8::1' })
    expect(await shown({ san_email: 'Robot@Example.ORG' })).toEqual({ trust_source: source, san_email: 'Robot@example.org' })
    for (const rule of [{ san_ip: '10.0.0.*' }, { san_ip: '010.0.0.1' }, { san_email: 'x' }, { san_email: '*@example.org' }])
      expect((await postRule(source, rule)).status).toBe(400)
    expect((await postRule(source, { san_ip: '10.0.0.1', san_dns: 'x' })).status).toBe(400)
    const leaf = await issueClientCertificate(ca, { now, uris: ['spiffe://x/y'] })
    expect((await postRule(source, { certificate_thumbprint: thumbprintOf(leaf) })).status).toBe(400)
  })
})
