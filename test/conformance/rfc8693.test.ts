// RFC 8693, OAuth 2.0 Token Exchange.

import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { logSize } from '#test/setup/log-reader.ts'
import { onceResourceUri, resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const tokenType = (name: string) => `urn:ietf:params:oauth:token-type:${name}`

/** As the pop agent, with its certificate. */
const exchange = (changes: Record<string, string | undefined> = {}) =>
  broker.running.token(broker.running.form({ task_id: 't-1', ...changes }), broker.running.certificate)

/** The same with parameters that come more than once. */
const exchangePairs = (more: readonly (readonly [string, string])[], changes: Record<string, string | undefined> = {}) => {
  const { running } = broker
  const pairs = [...Object.entries(running.form({ task_id: 't-1', ...changes })), ...more] as [string, string][]
  return running.token(formBody(pairs), running.certificate)
}

describe('the answer (§ 2.2.1)', () => {
  test('has the required members, their types and the granted scope', async () => {
    const { status, headers, body } = await exchange({ task_id: 'answer' })
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^application\/json/)
    expect(headers['cache-control']).toBe('no-store')
    expect(headers['pragma']).toBe('no-cache')
    expect(body).toMatchObject({
      access_token: expect.stringMatching(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/),
      issued_token_type: tokenType('access_token'),
      token_type: 'Bearer',
      scope: 'orders:read',
      account_id: expect.stringMatching(/^acct_[0-9a-f]{32}$/),
      task_id: 'answer',
      claim_uri: expect.stringMatching(/^https:\/\/localhost:\d+\/claim#mfc_/),
    })
    expect(Number.isInteger(body.expires_in) && body.expires_in > 0 && body.expires_in <= 300).toBe(true)
    expect(Number.isInteger(body.account_expires_in) && body.account_expires_in >= body.expires_in).toBe(true)
    expect(body).not.toHaveProperty('refresh_token')
  })

  test('says expires_in as the token does, and gives no more than the subject token has left', async () => {
    const { running } = broker
    const subject_token = running.mint({ ttlSeconds: 40 })
    const { body } = await exchange({ subject_token, task_id: 'short' })
    const claims = decodeJwt(body.access_token)
    expect(claims.exp! - claims.iat!).toBe(body.expires_in)
    expect(claims.exp).toBeLessThanOrEqual(decodeJwt(subject_token).exp!)
  })

  test('gives the claim_uri only with the opening of the account', async () => {
    const first = await exchange({ task_id: 'opened-once' })
    const second = await exchange({ task_id: 'opened-once' })
    expect(first.body.claim_uri).toBeDefined()
    expect(second.body).not.toHaveProperty('claim_uri')
    expect(second.body.account_id).toBe(first.body.account_id)
  })
})

describe('the request (§ 2.1)', () => {
  test.each(['grant_type', 'subject_token', 'subject_token_type'])(
    'without %s is invalid_request and names what is missing',
    async name => {
      const { status, body } = await exchange({ [name]: undefined })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
      expect(body.error_description).toContain(`${name} is missing`)
    },
  )

  test.each([
    ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ['subject_token', 'x'],
    ['subject_token_type', tokenType('jwt')],
    ['scope', 'orders:read'],
    ['requested_token_type', tokenType('access_token')],
    ['task_id', 't-1'],
    ['authorization_details', '[]'],
    ['client_id', 'x'],
  ])('with %s twice is invalid_request, also when both are equal', async (name, value) => {
    const changes = { requested_token_type: tokenType('access_token'), authorization_details: '[]', client_id: 'x' }
    const { status, body } = await exchangePairs([[name, value]], changes)
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(body.error_description).toContain(`${name} was sent more than once`)
  })

  test('takes resource and audience more than once, as long as they name one resource', async () => {
    const pairs: [string, string][] = [
      ['resource', resourceUri],
      ['audience', resourceUri],
      ['audience', resourceUri],
    ]
    const { status, body } = await exchangePairs(pairs)
    expect(status).toBe(200)
    expect(decodeJwt(body.access_token).aud).toBe(resourceUri)
  })

  test('takes the resource by audience alone', async () => {
    const { body } = await exchange({ resource: undefined, audience: resourceUri })
    expect(decodeJwt(body.access_token).aud).toBe(resourceUri)
  })

  test.each([
    ['resource and audience that disagree', { audience: onceResourceUri }, []],
    ['two resources', {}, [['resource', onceResourceUri]]],
    ['an audience that nobody registered', { audience: 'https://unknown.example/' }, []],
    ['an audience in another spelling', { resource: undefined, audience: 'https://ORDERS.example/api' }, []],
    ['an audience with a slash more', { resource: undefined, audience: `${resourceUri}/` }, []],
  ] as const)('refuses %s as invalid_target', async (_what, changes, pairs) => {
    const { status, body } = await exchangePairs(pairs, changes)
    expect([status, body.error]).toEqual([400, 'invalid_target'])
  })

  test('refuses unknown grant types as unsupported_grant_type', async () => {
    for (const grant_type of ['password', 'authorization_code', 'refresh_token', 'nonsense']) {
      const { status, body } = await exchange({ grant_type })
      expect([status, body.error]).toEqual([400, 'unsupported_grant_type'])
    }
  })

  test.each(['access_token', 'refresh_token', 'saml1', 'saml2', 'nonsense'])(
    'refuses subject_token_type %s as invalid_request and says which are taken',
    async name => {
      const { status, body } = await exchange({ subject_token_type: tokenType(name) })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
      expect(body.error_description).toContain(tokenType('jwt'))
    },
  )

  test('takes a workload token named jwt or id_token', async () => {
    for (const name of ['jwt', 'id_token']) expect((await exchange({ subject_token_type: tokenType(name) })).status).toBe(200)
  })

  test('gives an access token for requested_token_type access_token and jwt, and refuses others', async () => {
    for (const name of ['access_token', 'jwt']) {
      const { status, body } = await exchange({ requested_token_type: tokenType(name) })
      expect([status, body.issued_token_type]).toEqual([200, tokenType('access_token')])
    }
    for (const name of ['refresh_token', 'id_token', 'saml2', 'txn_token']) {
      const { status, body } = await exchange({ requested_token_type: tokenType(name) })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
  })

  test.each([
    { actor_token: 'x' },
    { actor_token_type: tokenType('jwt') },
    { actor_token: 'x', actor_token_type: tokenType('jwt') },
  ])('refuses an actor token, which would not be evaluated: %j', async changes => {
    const { status, body } = await exchange(changes)
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(body.error_description).toContain('actor_token')
  })

  test('counts empty parameters as omitted and ignores unknown ones (RFC 6749 § 3.2)', async () => {
    expect((await exchange({ actor_token: '', audience: '', unknown_thing: 'x' })).status).toBe(200)
  })
})

describe('errors (§ 2.2.2)', () => {
  test('a subject token that is not accepted is invalid_request and opens nothing', async () => {
    const before = await logSize(broker.database.admin)
    const { status, headers, body } = await exchange({ subject_token: 'abc', task_id: 'never' })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(headers['cache-control']).toBe('no-store')
    const [found] = await broker.database.admin`select count(*)::int as n from mayfly.account where task_id = 'never'`
    expect(found!['n']).toBe(0)
    // Counts of junk are written once a second; nothing else may be.
    expect((await logSize(broker.database.admin)) - before).toBeLessThanOrEqual(1)
  })

  test('is asked for by POST with a form only', async () => {
    const url = `${broker.running.issuer}/token`
    const get = await broker.https.send(`${url}?${formBody(broker.running.form())}`)
    expect([get.status, get.headers['allow']]).toEqual([405, 'POST'])
    const json = await broker.https.send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(broker.running.form()),
    })
    expect([json.status, json.body.error]).toEqual([415, 'invalid_request'])
    const query = await broker.https.send(`${url}?${formBody(broker.running.form())}`, {
      method: 'POST',
      headers: formHeaders,
      body: '',
    })
    expect([query.status, query.body.error]).toEqual([400, 'invalid_request'])
  })
})

test('act names the agent that presents the token, with its issuer, and client_id is the same (§§ 4.1, 4.3)', async () => {
  const { running } = broker
  const claims = decodeJwt((await exchange()).body.access_token)
  expect(claims['act']).toEqual({ iss: running.issuer, sub: running.ids.agent, sub_profile: 'ai_agent' })
  expect(claims['client_id']).toBe(running.ids.agent)
  for (const name of ['exp', 'aud', 'nbf']) expect(claims['act']).not.toHaveProperty(name)
})

test('act and may_act cannot be brought by the caller, in the form or in the subject token (§ 4)', async () => {
  const { running } = broker
  const asked = await exchange({ act: '{"sub":"admin"}' })
  expect([asked.status, asked.body.error]).toEqual([400, 'invalid_request'])
  const subject_token = running.mint({ claims: { act: { sub: 'admin' }, may_act: { sub: 'anyone' } } })
  const { body } = await exchange({ subject_token, task_id: 'with-act' })
  const claims = decodeJwt(body.access_token)
  expect(claims['act']).toMatchObject({ sub: running.ids.agent })
  expect(JSON.stringify(claims)).not.toContain('admin')
})
