// draft-ietf-oauth-identity-assertion-authz-grant: a user's identity provider lets a client act for the user, and we let an agent
// act at a resource that has an authorization server of its own.

import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { signAsIssuer } from '#test/setup/forged-jwt.ts'
import { readLog } from '#test/setup/log-reader.ts'
import type { Answer } from '#test/setup/registration.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const idJagType = 'urn:ietf:params:oauth:token-type:id-jag'
const now = (): number => Math.floor(Date.now() / 1000)

let users: string
beforeAll(async () => {
  const { running } = broker
  const { issuer } = running.idp
  const source = await running.v1('POST', '/v1/trust-sources', {
    kind: 'openid',
    name: 'company',
    issuer,
    audience: running.issuer,
    jwks_uri: `${issuer}/jwks`,
    ca_pem: running.ca.certificatePem,
    algorithms: ['ES256'],
    id_jag: true,
  })
  expect(source.status, source.text).toBe(201)
  users = source.body.id
  const { agent } = running.ids
  const { body } = await running.v1('GET', `/v1/agents/${agent}`)
  const { id: _1, created_at: _2, updated_at: _3, client_id: _4, ...registered } = body
  const rules = [...registered.rules, { trust_source: users, claims: { iss: issuer } }]
  const changed = await running.v1('PUT', `/v1/agents/${agent}`, { ...registered, rules })
  expect(changed.status, changed.text).toBe(200)
})

const assertion = (changes: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string =>
  signAsIssuer(
    broker.running.idp.keys,
    {
      iss: broker.running.idp.issuer,
      sub: 'alice',
      aud: broker.running.issuer,
      client_id: broker.running.ids.agent,
      jti: crypto.randomUUID(),
      iat: now(),
      exp: now() + 120,
      resource: resourceUri,
      scope: 'orders:read',
      ...changes,
    },
    { typ: 'oauth-id-jag+jwt', ...header },
  )

function ask(sent: string, more: Record<string, string> = {}, certificate = broker.running.certificate): Promise<Answer> {
  return broker.running.token({ grant_type: jwtBearer, assertion: sent, task_id: crypto.randomUUID(), ...more }, certificate)
}

describe('an assertion of the company’s identity provider', () => {
  test('lets the client that it names act for the user, within what it lists', async () => {
    const { status, body, text } = await ask(assertion())
    expect(status, text).toBe(200)
    expect(decodeJwt(body.access_token)).toMatchObject({
      client_id: broker.running.ids.agent,
      aud: resourceUri,
      scope: 'orders:read',
      cnf: { 'x5t#S256': expect.any(String) },
    })
  })

  test('is taken once', async () => {
    const sent = assertion()
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(sent)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers) if (status !== 200) expect([status, body.error]).toEqual([400, 'invalid_grant'])
  })

  test.each<[name: string, changes: Record<string, unknown>, header?: Record<string, unknown>]>([
    ['for another server', { aud: 'https://other.example' }],
    ['for another client', { client_id: 'agt_00000000000000000000000000000000' }],
    ['of another issuer', { iss: 'https://other.example' }],
    ['without jti', { jti: undefined }],
    ['that has ended', { exp: 1 }],
    ['that lives too long', { exp: 4e9 }],
    ['of another typ', {}, { typ: 'JWT' }],
  ])('%s is refused as invalid_grant', async (_name, changes, header) => {
    const { status, body } = await ask(assertion(changes, header))
    expect([status, body.error]).toEqual([400, 'invalid_grant'])
  })

  test('bounds the grant: nothing beyond its scope or its resources', async () => {
    const narrow = await ask(assertion({ scope: 'orders:write' }), { scope: 'orders:read', resource: resourceUri })
    expect([narrow.status, narrow.body.error]).toEqual([400, 'invalid_scope'])
    const elsewhere = await ask(assertion({ resource: 'https://other.example' }), { scope: 'orders:read', resource: resourceUri })
    expect([elsewhere.status, elsewhere.body.error]).toEqual([400, 'invalid_target'])
  })

  test('proves the user and not the client: alone it is worth nothing, nor as a subject token', async () => {
    const alone = await broker.running.token({ grant_type: jwtBearer, assertion: assertion(), task_id: 'alone' })
    expect([alone.status, alone.body.error]).toEqual([400, 'invalid_grant'])
    const { running } = broker
    const asSubject = await running.token(running.form({ subject_token: assertion() }), running.certificate)
    expect([asSubject.status, asSubject.body.error]).toEqual([400, 'invalid_request'])
  })
})

describe('an assertion of ours', () => {
  const audience = 'https://as.partner.example'
  const partner = 'https://api.partner.example/v1'
  beforeAll(async () => {
    const made = await broker.running.v1('POST', '/v1/resources', {
      uri: partner,
      name: 'Partner',
      scopes: [{ name: 'orders:read', description: 'Read orders' }],
      details_types: [],
      enforces: ['cnf'],
      authorization_server: { issuer: audience },
    })
    expect(made.status, made.text).toBe(201)
  })
  const form = (changes: Record<string, string | undefined> = {}) =>
    broker.running.form({
      task_id: crypto.randomUUID(),
      requested_token_type: idJagType,
      audience,
      resource: partner,
      ...changes,
    })

  test('is for the resource’s authorization server, and says whose authority, which client and how much', async () => {
    const { running, database } = broker
    const { status, body, text } = await running.token(form(), running.certificate)
    expect(status, text).toBe(200)
    expect(body).toMatchObject({ issued_token_type: idJagType, token_type: 'N_A', scope: 'orders:read' })
    const jwks = (await broker.https.send(`${running.issuer}/jwks`)).body
    const { payload } = await jwtVerify(body.access_token, createLocalJWKSet(jwks), {
      issuer: running.issuer,
      audience,
      typ: 'oauth-id-jag+jwt',
    })
    expect(payload).toMatchObject({ sub: body.account_id, client_id: running.ids.agent, resource: partner, scope: 'orders:read' })
    expect(payload.exp! - payload.iat!).toBeLessThanOrEqual(300)
    const leaves = (await readLog(database.admin, 0)).map(({ leaf }) => leaf)
    expect(leaves.some(leaf => leaf.token === payload.jti && leaf.type === 'token.issued')).toBe(true)
  })

  test('opens nothing at a resource: it is no access token, and no subject token either', async () => {
    const { running } = broker
    const { body } = await running.token(form(), running.certificate)
    const again = await running.token(running.form({ subject_token: body.access_token }), running.certificate)
    expect([again.status, again.body.error]).toEqual([400, 'invalid_request'])
  })

  test.each<[name: string, changes: Record<string, string | undefined>, error: string]>([
    ['for an authorization server that nobody registered', { audience: 'https://unknown.example' }, 'invalid_target'],
    ['for a resource that is not behind it', { resource: resourceUri }, 'invalid_target'],
    ['without an audience', { audience: undefined }, 'invalid_request'],
    ['beyond the agent’s ceiling', { scope: 'orders:write' }, 'invalid_scope'],
  ])('%s is refused', async (_name, changes, error) => {
    const { running } = broker
    const { status, body } = await running.token(form(changes), running.certificate)
    expect([status, body.error]).toEqual([400, error])
  })
})
