// JWT-SVIDs through a real broker: keys from the trust domain's bundle, fetched over HTTPS under a private CA.

import { generateKeyPairSync, hash, randomUUID, X509Certificate } from 'node:crypto'
import { decodeJwt, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { makeBundle } from '#test/core/trust-material/bundles.ts'
import { type Publisher, startPublisher } from '#test/setup/publisher.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const sub = 'spiffe://mesh.example/agents/reporter'
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'svid' }
let spire: Publisher
beforeAll(async () => {
  const { running } = broker
  spire = await startPublisher(await issueServerCertificate(running.ca, { hosts: ['localhost'], now: new Date() }))
  spire.documents.set('/bundle', JSON.stringify(makeBundle([], { jwtKeys: [jwk], hint: 60 })))
  const source = await running.v1('POST', '/v1/trust-sources', {
    kind: 'spiffe',
    name: 'mesh',
    trust_domain: 'mesh.example',
    bundle_url: `${spire.url}/bundle`,
    ca_pem: running.ca.certificatePem,
  })
  for (const [path, binding] of [
    ['agents/*', 'pop'],
    ['jobs/*', 'bearer'],
  ]) {
    const { status, text } = await running.v1('POST', '/v1/agents', {
      name: randomUUID(),
      owner: 'mesh',
      review_on: '2099-01-01',
      rules: [{ trust_source: source.body.id, spiffe_id: `spiffe://mesh.example/${path}` }],
      ceiling: { scope: 'orders:read' },
      settings: { binding },
    })
    if (status !== 201) throw new Error(text)
  }
})
afterAll(() => spire.close())

const sign = (change: Record<string, unknown> = {}, kid = 'svid') =>
  new SignJWT({ sub, aud: broker.running.issuer, exp: Math.floor(Date.now() / 1000) + 300, ...change })
    .setProtectedHeader({ alg: 'ES256', kid })
    .sign(privateKey)
const thumbprint = (): string => hash('sha256', new X509Certificate(broker.running.certificate.certificatePem).raw, 'base64url')
const ask = async (token: string | Promise<string>, withCertificate = true) =>
  broker.running.token(
    broker.running.form({ subject_token: await token, task_id: 'svid-task' }),
    withCertificate ? broker.running.certificate : undefined,
  )

test('a JWT-SVID that names its key gets a token bound to that, as often as it is shown', async () => {
  const token = await sign({ cnf: { 'x5t#S256': thumbprint() } })
  for (let n = 0; n < 2; n++) {
    const { status, body } = await ask(token)
    expect(status).toBe(200)
    expect(decodeJwt(body.access_token)['cnf']).toEqual({ 'x5t#S256': thumbprint() })
  }
})

test('one without a key is bearer: only for an agent that is registered so, and then its first key’s own', async () => {
  expect((await ask(sign(), false)).body.error).toBe('invalid_client')
  const token = await sign({ sub: 'spiffe://mesh.example/jobs/one' })
  expect((await ask(token, false)).status).toBe(200)
  expect((await ask(token)).status).toBe(401)
})

test.each<[name: string, token: () => Promise<string>]>([
  ['for another audience', () => sign({ aud: 'https://other.example' })],
  ['for us and others', () => sign({ aud: [broker.running.issuer, 'https://other.example'] })],
  ['for another tenant', async () => sign({ aud: (await createOtherTenant(broker.running, 'svids')).issuer })],
  ['of another trust domain (row 31)', () => sign({ sub: 'spiffe://evil.example/jobs/one' })],
  ['of a workload that is not registered', () => sign({ sub: 'spiffe://mesh.example/others/one' })],
  ['that has ended', () => sign({ exp: 1 })],
  ['by a key that the bundle has not', () => sign({}, 'other')],
])('one %s is refused', async (_, token) => {
  const { status, body } = await ask(token())
  expect([status, body.error]).toEqual([400, 'invalid_request'])
})

test('at another tenant, whose trust source it is not, it is nothing', async () => {
  const other = await createOtherTenant(broker.running, 'svid-other')
  const form = broker.running.form({ subject_token: await sign({ aud: other.issuer }), task_id: 'svid-task' })
  const answer = await broker.https.send(`${other.issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
  expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
})
