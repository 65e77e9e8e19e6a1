// Each kind of credential, and each kind of JWT of our own, at each place that takes one: what is not meant for a place is
// refused there, however good it is elsewhere (threats 3, 5, 6, 12, 13, 19, 28, 32; RFC 8725 § 3.11, § 3.12). What is meant for a
// place succeeds there: so nothing below is refused because everything is.

import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { accountCredentialTokenType } from '#core/account/account-credential.ts'
import { clientAssertionType } from '#core/client/verify-client-assertion.ts'
import { makeCertificateRequest } from '#test/setup/certificate-requests.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import type { Answer } from '#test/setup/registration.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { type CredentialName, type Credentials, createCredentials, credentialNames, now, secretOf } from './credentials.ts'

const broker = useBroker({ config: { logLevel: 'trace' } })
let credentials: Credentials
beforeAll(async () => {
  // Who fails too often is turned away unread (threat 37); here each refusal is for a reason of its own.
  Object.assign(broker.running.broker.deps.exchange.rejections, { admit: () => {} })
  credentials = await createCredentials(broker)
})

type Form = Record<string, string>
const grant = (name: string): string => `urn:ietf:params:oauth:grant-type:${name}`
const type = (name: string): string => `urn:ietf:params:oauth:token-type:${name}`
const bearerToken = (): string => broker.running.mint({ sub: 'bearer-workload', runId: randomUUID() })

function token(form: Form, headers: Record<string, string> = {}, certificateText = ''): Promise<Answer> {
  const { publicUrl, mtlsUrl } = broker.running.config
  const certificate = credentials.certificates.get(certificateText)
  return broker.https.send(`${certificate ? mtlsUrl : publicUrl}/token`, {
    method: 'POST',
    headers: { ...formHeaders, ...headers },
    body: formBody({ resource: resourceUri, scope: 'orders:read', task_id: randomUUID(), ...form }),
    certificate,
  })
}
const exchange = (subject_token: string, more: Form = {}, headers = {}) =>
  token({ grant_type: grant('token-exchange'), subject_token, subject_token_type: type('jwt'), ...more }, headers)
const client = (more: Form, headers = {}, certificate = '') =>
  token({ grant_type: 'client_credentials', ...more }, headers, certificate)

function json(path: string, body: unknown, bearer?: string, certificateText = ''): Promise<Answer> {
  const { publicUrl, mtlsUrl } = broker.running.config
  const certificate = credentials.certificates.get(certificateText)
  return broker.https.send(`${certificate ? mtlsUrl : publicUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) },
    body: JSON.stringify(body),
    certificate,
  })
}
const enrol = async (proof: object, bearer?: string, certificate?: string) =>
  json('/enroll', { csr: (await makeCertificateRequest()).pem, ...proof }, bearer, certificate)

interface PlaceOfUse {
  readonly put: (credential: string) => Promise<Answer>
  /** What succeeds there, and with which status. */
  readonly takes: readonly CredentialName[]
  readonly status?: number
}
const bearerJwts = ['a workload token', 'a JWT-SVID'] as const
const certificates = ['a client certificate', 'an enrolled certificate'] as const
const nothing = { takes: [] }

const tokenPlaces: Record<string, PlaceOfUse> = {
  'subject_token as jwt': { put: text => exchange(text), takes: bearerJwts },
  'subject_token as id_token': {
    put: text => exchange(text, { subject_token_type: type('id_token') }),
    takes: bearerJwts,
  },
  'subject_token as access_token': {
    put: text => exchange(text, { subject_token_type: type('access_token') }),
    ...nothing,
  },
  'subject_token beside a DPoP proof by the DID’s key': {
    put: async text => exchange(text, {}, { dpop: await credentials.didDpop() }),
    takes: [...bearerJwts, 'a DID proof'],
  },
  'subject_token as certificate, over its own connection': {
    put: text => token({ grant_type: grant('token-exchange'), subject_token: text, subject_token_type: type('mtls') }, {}, text),
    takes: certificates,
  },
  'subject_token as certificate, over a connection without one': {
    put: text => exchange(text, { subject_token_type: type('mtls') }),
    ...nothing,
  },
  'subject_token as account credential, beside a key': {
    put: text => {
      const [certificate] = credentials.certificates.keys()
      const subject_token_type = accountCredentialTokenType
      return token({ grant_type: grant('token-exchange'), subject_token: text, subject_token_type, task_id: '' }, {}, certificate)
    },
    takes: ['an account credential'],
  },
  'subject_token as account credential, without a key': {
    put: text => exchange(text, { subject_token_type: accountCredentialTokenType, task_id: '' }),
    ...nothing,
  },
  'assertion of the JWT bearer grant': {
    put: assertion => token({ grant_type: grant('jwt-bearer'), assertion }),
    takes: bearerJwts,
  },
  'assertion beside the certificate of the client that it names': {
    put: assertion => token({ grant_type: grant('jwt-bearer'), assertion }, {}, [...credentials.certificates.keys()][0]),
    takes: ['an ID-JAG for us'],
  },
  'assertion of client_credentials': { put: assertion => client({ assertion }), ...nothing },
  'client_credentials over its own connection': {
    put: text => client({ client_id: broker.running.ids.agent }, {}, text),
    takes: certificates,
  },
  client_assertion: {
    put: client_assertion => client({ client_assertion, client_assertion_type: clientAssertionType }),
    takes: ['a client assertion'],
  },
  'client_assertion of another type': {
    put: client_assertion =>
      client({ client_assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }),
    ...nothing,
  },
  'client_assertion without a type': { put: client_assertion => client({ client_assertion }), ...nothing },
  'client_assertion beside a good subject token of another agent': {
    put: client_assertion => exchange(bearerToken(), { client_assertion, client_assertion_type: clientAssertionType }),
    ...nothing,
  },
  client_secret: { put: client_secret => client({ client_secret, client_id: credentials.client }), ...nothing },
  actor_token: {
    put: actor_token => exchange(bearerToken(), { actor_token, actor_token_type: type('jwt') }),
    ...nothing,
  },
  'the DPoP header of /token': { put: dpop => exchange(bearerToken(), {}, { dpop }), takes: ['a DPoP proof'] },
  'Authorization of /token': {
    put: text => exchange(bearerToken(), {}, { authorization: `Bearer ${text}` }),
    ...nothing,
  },
}

const otherPlaces: Record<string, PlaceOfUse> = {
  'join_token of /enroll': { put: join_token => enrol({ join_token }), takes: ['a join token'], status: 201 },
  'subject_token of /enroll': { put: subject_token => enrol({ subject_token }), takes: bearerJwts, status: 201 },
  'the connection to /enroll': {
    put: text => enrol({}, undefined, text),
    takes: ['an enrolled certificate'],
    status: 201,
  },
  'Authorization of /enroll': { put: text => enrol({}, text), ...nothing },
  'Authorization of /enroll, beside a good join token': {
    put: async text => enrol({ join_token: await credentials.make['a join token']() }, text),
    ...nothing,
  },
  'id_token of /v1/sessions': {
    put: id_token => json('/v1/sessions', { provider: credentials.signInProvider, id_token }),
    takes: ['an ID token'],
    status: 201,
  },
  'Authorization of /v1': {
    put: text => broker.https.send(`${broker.running.issuer}/v1/agents`, { headers: { authorization: `Bearer ${text}` } }),
    takes: ['an operator token', 'a session token'],
  },
  'Authorization of /v1/bootstrap, where there are operators': {
    put: text => json('/v1/bootstrap', { tenant: { slug: 'again', name: 'Again' } }, text),
    ...nothing,
  },
  'Authorization of /consume': {
    put: text => json('/consume', { token_id: `at_${'0'.repeat(32)}`, nonce: randomUUID(), exp: now() + 60 }, text),
    takes: ['a resource secret'],
  },
  'Authorization of /v1/decisions': {
    put: text => json('/v1/decisions', { decisions: [{ time: Date.now(), outcome: 'allow', reason: 'granted' }] }, text),
    takes: ['a resource secret'],
    status: 202,
  },
  'Authorization of /ssf': {
    put: text => json('/ssf/streams', {}, text),
    takes: ['a receiver secret'],
    status: 201,
  },
}
const introspect = (form: Form, authorization: string): Promise<Answer> =>
  broker.https.send(`${broker.running.issuer}/introspect`, {
    method: 'POST',
    headers: { ...formHeaders, authorization },
    body: formBody(form),
  })
const introspectionPlaces: Record<string, PlaceOfUse> = {
  'Authorization of /introspect': {
    put: text => introspect({ token: 'x' }, `Bearer ${text}`),
    takes: ['a resource secret'],
  },
  'password of /introspect': {
    put: text => introspect({ token: 'x' }, `Basic ${Buffer.from(`x:${encodeURIComponent(text)}`).toString('base64')}`),
    takes: ['a resource secret'],
  },
}
const places = { ...introspectionPlaces, ...tokenPlaces, ...otherPlaces }

const sent = new Set<string>()
async function make(name: CredentialName): Promise<string> {
  const credential = await credentials.make[name]()
  expect(typeof credential, name).toBe('string')
  sent.add(secretOf(credential))
  return credential
}

describe.each(Object.keys(places))('5, 6, 12, 13, 19, 32: %s takes', place => {
  const { put, takes, status: good = 200 } = places[place]!
  test.each(credentialNames)('%s only if that is meant for it', async name => {
    const credential = await make(name)
    const { status, text } = await put(credential)
    expect(text).not.toContain(secretOf(credential))
    if (takes.includes(name)) return expect(status, text).toBe(good)
    expect(status, text).toBeGreaterThanOrEqual(400)
    expect(status, text).toBeLessThan(500)
    expect(status, text).not.toBe(429)
    expect(text).not.toMatch(/access_token"|certificate_pem|mf[a-z]_[\w-]{43}/)
  })
})

test.each(credentialNames)('/challenge is for everybody: %s changes nothing there, and is not looked at', async name => {
  const credential = await make(name)
  const { status, body, text } = await broker.https.send(`${broker.running.issuer}/challenge`, {
    method: 'POST',
    headers: { authorization: `Bearer ${credential}` },
  })
  expect([status, Object.keys(body)]).toEqual([200, ['nonce', 'expires_in']])
  expect(text).not.toContain(secretOf(credential))
})

test('28: none of them stands in a log line', () => {
  const lines = broker.running.logLines.join('')
  expect(lines).toContain('request refused')
  expect(sent.size).toBeGreaterThan(200)
  for (const secret of sent) expect(lines.includes(secret)).toBe(false)
})
