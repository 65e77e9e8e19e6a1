// Agents that come with a DID, on real sockets: our nonce, their document over HTTPS under a private CA, their key as DPoP key.

import { hash, randomUUID, X509Certificate } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import { documentOf, type Holder, newHolder, signCredential, signProof } from '#test/core/did/did-world.ts'
import { makeProof } from '#test/core/dpop/proof-maker.ts'
import { type Publisher, startPublisher } from '#test/setup/publisher.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const seconds = (): number => Math.floor(Date.now() / 1000)
const keyHolder = newHolder('ES256')
const vouched = newHolder('EdDSA')
let web: Publisher
let webHolder: Holder
let issuer: Holder
beforeAll(async () => {
  const { running } = broker
  web = await startPublisher(await issueServerCertificate(running.ca, { hosts: ['localhost'], now: new Date() }))
  const host = `did:web:localhost%3A${new URL(web.url).port}`
  webHolder = newHolder('ES256', `${host}:agents:one`)
  issuer = newHolder('ES256', `${host}:issuer`)
  web.documents.set('/agents/one/did.json', JSON.stringify(documentOf(webHolder)))
  web.documents.set('/issuer/did.json', JSON.stringify(documentOf(issuer)))
  const trust_source = await create('/v1/trust-sources', {
    kind: 'did',
    name: 'partners',
    methods: ['did:web', 'did:key'],
    ca_pem: running.ca.certificatePem,
    credential_issuers: [{ issuer: issuer.did }],
  })
  await registerAgent({ trust_source, did: keyHolder.did })
  await registerAgent({ trust_source, did: `${host}:agents:*` })
  await registerAgent({ trust_source, did: 'did:key:*', credential_type: 'AgentCredential' })
})
afterAll(() => web.close())

async function create(path: string, body: object): Promise<string> {
  const answer = await broker.running.v1('POST', path, body)
  if (answer.status !== 201) throw new Error(answer.text)
  return answer.body.id
}

const registerAgent = (rule: object) =>
  create('/v1/agents', {
    name: randomUUID(),
    owner: 'partner',
    review_on: '2099-01-01',
    rules: [rule],
    ceiling: { scope: 'orders:read' },
  })

const challenge = (issuerUrl = broker.running.issuer) => broker.https.send(`${issuerUrl}/challenge`, { method: 'POST' })

async function prove(holder: Holder, change: object = {}): Promise<string> {
  const { body } = await challenge()
  return signProof(holder, { audience: broker.running.issuer, nonce: body.nonce, now: seconds() }, change)
}

/** Asks for a token, with a DPoP proof by this holder's key if one is given. */
async function ask(subject_token: string, dpopBy?: Holder) {
  const { running } = broker
  const form = running.form({ subject_token, resource: resourceUri, task_id: 'did-task' })
  if (!dpopBy) return running.token(form)
  const signer = { alg: dpopBy.alg, privateKey: dpopBy.privateKey, jwk: dpopBy.jwk }
  const claims = { jti: randomUUID(), htm: 'POST', htu: `${running.issuer}/token`, iat: seconds() }
  const refused = await running.token(form, undefined, { dpop: makeProof(signer, claims) })
  const again = makeProof(signer, { ...claims, jti: randomUUID(), nonce: refused.headers['dpop-nonce'] })
  return running.token(form, undefined, { dpop: again })
}

test('POST /challenge gives a nonce that is kept by nobody, in each tenant', async () => {
  const first = await challenge()
  expect([first.status, first.headers['cache-control']]).toEqual([200, 'no-store'])
  expect(first.body).toEqual({ nonce: expect.stringMatching(/^[\w-]{43}$/), expires_in: 300 })
  const other = await createOtherTenant(broker.running, 'challenged')
  expect((await challenge(other.issuer)).body.nonce).not.toBe(first.body.nonce)
  expect((await challenge(`${broker.running.issuer}/t/nobody`)).status).toBe(404)
})

describe('gets a token bound to the DID’s own key', () => {
  test.each([
    ['with did:key', () => keyHolder],
    ['with did:web', () => webHolder],
  ])('%s', async (_, holder) => {
    const { status, body } = await ask(await prove(holder()), holder())
    expect([status, body.token_type]).toEqual([200, 'DPoP'])
    expect(decodeJwt(body.access_token)['cnf']).toEqual({ jkt: jwkThumbprint(holder().jwk) })
  })

  test('with did:key and a credential of a configured issuer', async () => {
    const vc = signCredential(issuer, vouched.did, seconds())
    expect((await ask(await prove(vouched, { vc }), vouched)).status).toBe(200)
    expect((await ask(await prove(vouched), vouched)).body.error).toBe('invalid_request')
    const own = signCredential({ ...vouched, did: issuer.did, kid: issuer.kid }, vouched.did, seconds())
    expect((await ask(await prove(vouched, { vc: own }), vouched)).body.error).toBe('invalid_request')
  })

  test('again and again in one account, with a new proof each time', async () => {
    const [one, two] = [await ask(await prove(keyHolder), keyHolder), await ask(await prove(keyHolder), keyHolder)]
    expect(two.body.account_id).toBe(one.body.account_id)
  })
})

test('gets a token bound to the certificate that the proof names', async () => {
  const { running } = broker
  const { raw } = new X509Certificate(running.certificate.certificatePem)
  const thumbprint = hash('sha256', raw, 'base64url')
  const subject_token = await prove(keyHolder, { cnf: { 'x5t#S256': thumbprint } })
  const form = running.form({ subject_token, task_id: 'did-task' })
  expect((await running.token(form)).body.error).toBe('invalid_client')
  const again = await prove(keyHolder, { cnf: { 'x5t#S256': thumbprint } })
  const answer = await running.token(running.form({ subject_token: again, task_id: 'did-task' }), running.certificate)
  expect(decodeJwt(answer.body.access_token)['cnf']).toEqual({ 'x5t#S256': thumbprint })
})

describe('is refused', () => {
  test('when the same proof comes again: of ten at the same time one gets a token', async () => {
    const proof = await prove(keyHolder)
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(proof, keyHolder)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('when a thief brings the proof with a key of his own (row 35)', async () => {
    const thief = newHolder('ES256')
    const { status, body } = await ask(await prove(keyHolder), thief)
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  })

  test('with a nonce of another tenant, or of itself', async () => {
    const other = await createOtherTenant(broker.running, 'nonces')
    for (const nonce of [(await challenge(other.issuer)).body.nonce, 'x'.repeat(43)])
      expect((await ask(await prove(keyHolder, { nonce }), keyHolder)).body.error).toBe('invalid_request')
  })

  test('when the document names another DID, or is gone, with 503 and nothing issued', async () => {
    const { port } = new URL(web.url)
    const holder = newHolder('ES256', `did:web:localhost%3A${port}:agents:two`)
    web.documents.set('/agents/two/did.json', JSON.stringify({ ...documentOf(holder), id: webHolder.did }))
    expect((await ask(await prove(holder), holder)).status).toBe(503)
    const gone = newHolder('ES256', `did:web:localhost%3A${port}:agents:three`)
    expect((await ask(await prove(gone), gone)).status).toBe(503)
  })

  test('for a DID that no rule names, and nobody is asked for its document', async () => {
    const { port } = new URL(web.url)
    const stranger = newHolder('ES256', `did:web:localhost%3A${port}:strangers:one`)
    const before = web.requests.length
    expect((await ask(await prove(stranger), stranger)).body.error).toBe('invalid_request')
    expect(web.requests.slice(before)).toEqual([])
  })
})

test.each([
  ['a pattern over everybody’s keys', { did: 'did:key:*' }],
  ['a pattern over all hosts', { did: 'did:web:*' }],
  ['a pattern over paths of all hosts', { did: 'did:web:*:agents:one' }],
  ['another method', { did: 'did:example:abc' }],
  ['an address', { did: 'did:web:127.0.0.1' }],
  ['the type of every credential', { did: 'did:key:*', credential_type: 'VerifiableCredential' }],
  ['no DID', { credential_type: 'AgentCredential' }],
])('a rule with %s is not registered', async (_, rule) => {
  const trust_source = await create('/v1/trust-sources', { kind: 'did', name: randomUUID(), methods: ['did:web', 'did:key'] })
  await expect(registerAgent({ trust_source, ...rule })).rejects.toThrow('/rules/0')
})

test('whoever invents DIDs below a host that a rule names soon has no more documents asked for', async () => {
  const host = `did:web:localhost%3A${new URL(web.url).port}`
  const before = web.requests.length
  const invent = async (i: number) => {
    const subject_token = await prove(newHolder('ES256', `${host}:agents:invented-${i}`))
    return (await broker.running.token(broker.running.form({ subject_token, task_id: 'invented' }))).status
  }
  const statuses = new Set<number>()
  for (let i = 0; i < 400 && !statuses.has(429); i += 20)
    for (const status of await Promise.all(Array.from({ length: 20 }, (_, n) => invent(i + n)))) statuses.add(status)
  expect([...statuses].sort()).toEqual([429, 503])
  expect(web.requests.length - before).toBeLessThan(400)
})
