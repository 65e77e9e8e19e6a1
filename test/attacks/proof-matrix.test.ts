// Every proof that Mayfly takes, against every attack that concerns proofs (threats 2, 3, 12, 14, 15, 31, 32, 35). Each is registered
// in two tenants under the same names, with authorities, issuers and keys of its own in each. The proofs stand in `proofs/`:
// a new one is one more entry there, and everything below holds for it.

import { X509Certificate } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type IssuedCertificate, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { newProofSigner } from '#test/core/dpop/proof-maker.ts'
import { makeCertificateRequest } from '#test/setup/certificate-requests.ts'
import { countAccounts } from '#test/setup/log-reader.ts'
import { type Publisher, startPublisher } from '#test/setup/publisher.ts'
import type { Answer } from '#test/setup/registration.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { issueSelfSigned } from '#test/setup/self-signed.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { ownKeys } from './proofs/own-keys.ts'
import { createPlace, type Place } from './proofs/place.ts'
import { expectedCnf, type Presented, type Proof, present, type Registered } from './proofs/proof.ts'
import { workloadTokens } from './proofs/workload-tokens.ts'

const proofs = [...workloadTokens, ...ownKeys]
const broker = useBroker()
const elsewhere = 'https://other-server.example'
let publisher: Publisher
let ours: Place
let theirs: Place
let stranger: IssuedCertificate
beforeAll(async () => {
  const { running } = broker
  // Who fails too often is turned away unread (threat 37); here each refusal is for a reason of its own.
  Object.assign(running.broker.deps.exchange.rejections, { admit: () => {} })
  publisher = await startPublisher(await issueServerCertificate(running.ca, { hosts: ['localhost'], now: new Date() }))
  const { operatorToken: token, issuer } = running
  ours = await createPlace(broker, { issuer, token, resource: resourceUri, publisher })
  const neighbour = await createOtherTenant(running, 'neighbour')
  const resource = 'https://neighbour.example/api'
  const scopes = ['orders:read', 'orders:write'].map(name => ({ name, description: name }))
  const api = { scopes, details_types: ['agent_http'], enforces: ['cnf', 'rar'], proof: 'any' }
  await neighbour.register('/v1/resources', { uri: resource, name: 'Orders', ...api })
  theirs = await createPlace(broker, { issuer: neighbour.issuer, token: neighbour.token, resource, publisher })
  stranger = await issueSelfSigned()
})
afterAll(() => publisher.close())

const ask = (place: Place, presented: Presented, form: Record<string, string | undefined> = {}, headers = {}) =>
  present(broker.https, place, presented, form, headers)

/** Its claims; fails unless there is one, for this client. */
function tokenOf({ status, body, text }: Answer, clientId: string): ReturnType<typeof decodeJwt> {
  expect(status, text).toBe(200)
  const claims = decodeJwt(body.access_token)
  expect(claims['client_id']).toBe(clientId)
  return claims
}

/** No token, no account; for a reason of the caller's making, and not for having asked too often. */
async function expectRefused(work: () => Promise<Answer>, errors: readonly string[] = identityErrors): Promise<void> {
  const before = await countAccounts(broker.database.admin)
  const { status, body, text } = await work()
  expect([400, 401], text).toContain(status)
  expect(errors, text).toContain(body.error)
  for (const member of ['access_token', 'account_id', 'claim_uri']) expect(body).not.toHaveProperty(member)
  expect(await countAccounts(broker.database.admin)).toBe(before)
}
const identityErrors = ['invalid_client', 'invalid_request', 'invalid_grant']

const derOf = ({ certificatePem }: IssuedCertificate): Buffer => new X509Certificate(certificatePem).raw
const uriOf = ({ certificatePem }: IssuedCertificate): string | undefined =>
  /^URI:(.+)$/.exec(new X509Certificate(certificatePem).subjectAltName ?? '')?.[1]
/** As proxies would tell of a certificate and an address, from a peer that is not configured as one. */
const spoofed = (certificate: IssuedCertificate): Record<string, string> => ({
  'client-cert': `:${derOf(certificate).toString('base64')}:`,
  'x-forwarded-client-cert': `Cert="${encodeURIComponent(certificate.certificatePem)}"`,
  'x-ssl-client-cert': encodeURIComponent(certificate.certificatePem),
  'x-ssl-client-verify': 'SUCCESS',
  'x-forwarded-for': '203.0.113.9',
  'x-real-ip': '203.0.113.9',
  forwarded: 'for=203.0.113.9;host=evil.example',
  'x-forwarded-host': 'evil.example',
})

/** Keys that a thief can have: none, one that nobody knows, one of another agent of the tenant, one for DPoP. */
const thieves: Record<string, () => Partial<Presented>> = {
  'no key': () => ({}),
  'a certificate that nobody knows': () => ({ certificate: stranger }),
  'another agent’s certificate': () => ({ certificate: broker.running.certificate }),
  'a DPoP key': () => ({ dpop: newProofSigner() }),
}

describe.each(proofs)('$name', (proof: Proof) => {
  let mine: Registered
  let other: Registered
  beforeAll(async () => {
    mine = await proof.register(ours)
    other = await proof.register(theirs)
  })

  test('is good for a token that is bound as it should be, in each tenant', async () => {
    for (const [place, registered] of [
      [ours, mine],
      [theirs, other],
    ] as const) {
      const presented = await registered.make()
      const token = tokenOf(await ask(place, presented), registered.clientId)
      expect(token['cnf']).toEqual(expectedCnf(proof, presented))
      expect([token.iss, token.aud]).toEqual([place.issuer, place.resource])
    }
  })

  test('2: opens nothing beyond the agent’s ceiling', async () => {
    const detail = { type: 'agent_http', locations: [ours.resource], methods: ['DELETE'], uri_template: '/orders/{id}' }
    const details = { scope: undefined, authorization_details: JSON.stringify([detail]) }
    const [wider, whole] = [{ scope: 'orders:write' }, { scope: 'orders:read orders:write' }]
    for (const form of [wider, whole]) await expectRefused(async () => ask(ours, await mine.make(), form), ['invalid_scope'])
    await expectRefused(async () => ask(ours, await mine.make(), details), ['invalid_authorization_details'])
  })

  test('3: takes no actor, no delegation and no key from the request', async () => {
    const jwt = 'urn:ietf:params:oauth:token-type:jwt'
    const asked: Record<string, string>[] = [
      { act: '{"sub":"agt_evil"}' },
      { may_act: '{"sub":"agt_evil"}' },
      { cnf: '{"jkt":"evil"}' },
      { actor_token: (await mine.make()).form['subject_token'] ?? 'x', actor_token_type: jwt },
      { actor_token: await ours.sign({ sub: 'evil' }), actor_token_type: jwt },
    ]
    for (const form of asked) await expectRefused(async () => ask(ours, await mine.make(), form), ['invalid_request'])
  })

  test('3: what a credential says of an actor stands in no token', async () => {
    const claims = { act: { sub: 'evil' }, may_act: { sub: 'evil' }, delegation: 'evil', account_id: 'evil' }
    const token = tokenOf(await ask(ours, await mine.make({ claims })), mine.clientId)
    expect(JSON.stringify(token)).not.toContain('evil')
    expect(token['act']).toMatchObject({ sub: mine.clientId })
  })

  if (proof.once)
    test('12: is good once: of five at the same time one gets a token, and none afterwards', async () => {
      const presented = await mine.make()
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask(ours, presented)))
      expect(answers.map(({ status }) => status === 200).filter(Boolean)).toHaveLength(1)
      await expectRefused(() => ask(ours, presented))
    })

  if (proof.addressed)
    test('12: made for another server, another tenant, or several, is refused', async () => {
      for (const audience of [elsewhere, theirs.issuer, [ours.issuer, elsewhere], `${ours.issuer}/`, `${ours.issuer}/token`])
        await expectRefused(async () => ask(ours, await mine.make({ audience })))
    })

  test('14: headers of a peer that is no proxy add nothing to it and take nothing away', async () => {
    const presented = await mine.make()
    const token = tokenOf(await ask(ours, presented, {}, spoofed(broker.running.certificate)), mine.clientId)
    expect(token['cnf']).toEqual(expectedCnf(proof, presented))
    expect(JSON.stringify(token)).not.toContain('evil')
    const { form, certificate } = await mine.make()
    if (certificate) await expectRefused(() => ask(ours, { form }, {}, spoofed(certificate)))
  })

  test('15: proves its own agent and no other', async () => {
    for (const client_id of [broker.running.ids.agent, other.clientId])
      await expectRefused(async () => ask(ours, await mine.make(), { client_id }))
  })

  test('15, 31: at a tenant that registered the same names with its own keys it is nothing, made for whom it may', async () => {
    const told = [{}, { audience: theirs.issuer }, { audience: theirs.issuer, clientId: other.clientId }]
    for (const each of told) await expectRefused(async () => ask(theirs, await mine.make(each)))
    const forged = [{}, { audience: ours.issuer }, { audience: ours.issuer, clientId: mine.clientId }]
    for (const each of forged) await expectRefused(async () => ask(ours, await other.make(each)))
    tokenOf(await ask(ours, await mine.make()), mine.clientId)
    tokenOf(await ask(theirs, await other.make()), other.clientId)
  })

  if (proof.bound === 'x5t#S256')
    test('31: other authorities, of this tenant or another, certify none of its names', async () => {
      const uri = uriOf((await mine.make()).certificate!)
      // A pinned certificate has no name that anybody could certify.
      if (uri === undefined) return
      for (const certificate of [await theirs.certify(uri), await ours.certifyByOther(uri)])
        await expectRefused(async () => ask(ours, { ...(await mine.make({ certificate })), certificate }))
    })

  test('32: enrols nobody whose registration does not say so', async () => {
    const { form, certificate } = await mine.make()
    const subject_token = form['subject_token'] ?? form['assertion'] ?? form['client_assertion']
    const { pem: csr } = await makeCertificateRequest()
    const { status, text } = await broker.https.send(`${certificate ? ours.mtlsUrl : ours.issuer}/enroll`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ csr, subject_token }),
      certificate,
    })
    expect(status, text).toBe(proof.enrols ? 201 : 400)
    expect(text.includes('certificate_pem')).toBe(proof.enrols === true)
  })

  const steal = async (): Promise<Presented> => {
    const presented = await mine.make()
    if (proof.bearerUntilUsed) tokenOf(await ask(ours, presented), mine.clientId)
    return presented
  }

  if (proof.bound)
    describe('35: stolen, it is worth nothing', () => {
      test.each(Object.keys(thieves))('with %s', async name => {
        const { form } = await steal()
        await expectRefused(() => ask(ours, { form, ...thieves[name]!() }))
      })

      test('with the key that the same names have in another tenant', async () => {
        const { form } = await steal()
        const { form: _, ...keys } = await other.make()
        await expectRefused(() => ask(ours, { form, ...keys }))
      })
    })

  if (!proof.bound)
    describe('35: stolen, it belongs to the key that used it first, be it none', () => {
      // A certificate of another agent is refused whoever comes first.
      const firsts = Object.keys(thieves).filter(name => name !== 'another agent’s certificate')
      test.each(firsts)('here its owner, with %s', async first => {
        const owner = { ...(await mine.make()), ...thieves[first]!() }
        tokenOf(await ask(ours, owner), mine.clientId)
        for (const name of Object.keys(thieves).filter(each => each !== first))
          await expectRefused(() => ask(ours, { form: owner.form, ...thieves[name]!() }))
        if (owner.dpop) await expectRefused(() => ask(ours, { form: owner.form, dpop: newProofSigner() }))
        tokenOf(await ask(ours, owner), mine.clientId)
      })
    })
})
