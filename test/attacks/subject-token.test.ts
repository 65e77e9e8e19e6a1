// Attacks with the subject token: what is not exactly a workload's token, for this broker, in time, signed by its issuer, is
// refused, with the agent's own certificate on the connection: it never stands in for a token that does not hold.

import { decodeJwt } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { encode, goodClaims, signAsIssuer } from '#test/setup/forged-jwt.ts'
import { onceResourceUri, resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { subjectTokens } from './subject-tokens.ts'

const broker = useBroker()
const now = () => Math.floor(Date.now() / 1000)
const keys = () => broker.running.idp.keys
const good = (changes: Record<string, unknown> = {}) => goodClaims(broker.running, changes)

const { exchange, expectRefused } = subjectTokens(broker)

test('1: a subject token that is addressed to somebody else, or to us and others, is refused', async () => {
  for (const aud of ['https://elsewhere.example', broker.running.issuer, resourceUri, ['mayfly-test', 'x'], [], '', 7, { a: 1 }])
    await expectRefused(signAsIssuer(keys(), good({ aud })))
  expect((await exchange(signAsIssuer(keys(), good({ aud: ['mayfly-test'] })))).status).toBe(200)
})

test('1: a task token that a resource received is no subject token for another resource', async () => {
  const { body } = await exchange(signAsIssuer(keys(), good()))
  await expectRefused(body.access_token, { resource: onceResourceUri })
  await expectRefused(body.access_token, {
    resource: onceResourceUri,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  })
  const target = await exchange(signAsIssuer(keys(), good()), { resource: 'https://not-registered.example/' })
  expect([target.status, target.body.error]).toEqual([400, 'invalid_target'])
})

test('4: nobody becomes an operator by exchange, whatever token, subject or client is named', async () => {
  const { running } = broker
  for (const token of [running.operatorToken, running.platformToken, running.resourceSecrets.pop]) await expectRefused(token)
  for (const sub of ['admin', 'tenant-admin', running.ids.agent, running.issuer]) await expectRefused(running.mint({ sub }))
  for (const client_id of ['admin', running.ids.bearerAgent, running.ids.tenant]) {
    const { status, body } = await exchange(running.mint(), { client_id })
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  }
  const claims = { role: 'platform-admin', act: { sub: 'admin' }, scope: 'orders:write', groups: ['admin'] }
  const { body } = await exchange(running.mint({ claims }))
  expect(body.scope).toBe('orders:read')
  for (const path of ['/v1/agents', '/v1/tenants', '/v1/operators'])
    expect((await running.v1('GET', path, undefined, body.access_token)).status).toBe(401)
})

describe('5: a malformed or oversized subject token is 400, and the certificate alone does not stand in for it', () => {
  const jwt = () => signAsIssuer(keys(), good())
  const parts = () => jwt().split('.') as [string, string, string]
  const cases: Record<string, () => string> = {
    'one character': () => 'a',
    dots: () => '..',
    'two parts': () => parts().slice(0, 2).join('.'),
    'four parts': () => `${jwt()}.${parts()[2]}`,
    'five parts, as of an encrypted token': () => [...parts(), 'a', 'b'].join('.'),
    'no signature': () => `${parts()[0]}.${parts()[1]}.`,
    'a space before it': () => ` ${jwt()}`,
    'a line end behind it': () => `${jwt()}\n`,
    'a NUL inside': () => jwt().replace('.', '\0.'),
    'base64 with padding': () => `${jwt()}==`,
    'the other base64 alphabet': () => `${encode('{"alg":"ES256"}')}+/.${parts()[1]}.${parts()[2]}`,
    'JSON serialization': () => JSON.stringify({ protected: parts()[0], payload: parts()[1], signature: parts()[2] }),
    'a header that is no object': () => `${encode('[]')}.${parts()[1]}.${parts()[2]}`,
    'a payload that is no JSON': () => `${parts()[0]}.${encode('x')}.${parts()[2]}`,
    'doubled claims': () =>
      `${parts()[0]}.${encode(JSON.stringify(good()).replace('"sub"', '"sub":"admin","sub"'))}.${parts()[2]}`,
    '17 KiB': () => signAsIssuer(keys(), good({ padding: 'x'.repeat(17 * 1024) })),
    '60 KiB': () => 'A'.repeat(60 * 1024),
    'deep nesting': () => signAsIssuer(keys(), `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`),
  }
  test.each(Object.keys(cases))('%s', async name => expectRefused(cases[name]!()))

  test('more than a body may hold is 413', async () => {
    const { status, body } = await exchange('A'.repeat(200_000))
    expect([status, body.error]).toEqual([413, 'invalid_request'])
  })

  test('an empty one counts as missing', async () => {
    const { status, body } = await exchange('')
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})

test('6: logout, ID, claim and task tokens are no subject tokens, and neither are other kinds by typ', async () => {
  for (const typ of [
    'logout+jwt',
    'secevent+jwt',
    'at+jwt',
    'application/at+jwt',
    'agent-task+jwt',
    'dpop+jwt',
    'txntoken+jwt',
    'x',
    '',
  ])
    await expectRefused(signAsIssuer(keys(), good(), { typ }))
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  await expectRefused(signAsIssuer(keys(), good({ events })))
  // An ID token is addressed to the client that the human signed in at.
  await expectRefused(signAsIssuer(keys(), good({ aud: 'console-client', nonce: 'n' })))
  const { body } = await exchange(signAsIssuer(keys(), good({ run_id: 'six' })))
  await expectRefused(body.access_token)
  await expectRefused(new URL(body.claim_uri).hash.slice(1))
  await expectRefused(body.claim_uri)
})

test('8: a token that shares all but its last characters with one that was just accepted is refused', async () => {
  const token = signAsIssuer(keys(), good({ run_id: 'eight' }))
  expect((await exchange(token)).status).toBe(200)
  expect((await exchange(token)).status).toBe(200)
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const last = signature.at(-1)!
  const spare = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].filter(c => c !== last)
  // The last character of 86 carries spare bits: other spellings of the very same signature are among these.
  for (const c of spare) await expectRefused(`${header}.${payload}.${signature.slice(0, -1)}${c}`)
  const other = encode(good({ run_id: 'eight', sub: 'workload' }))
  await expectRefused(`${header}.${other}.${signature}`)
  expect((await exchange(token)).status).toBe(200)
})

describe('11: times and required claims', () => {
  test.each(['exp', 'iat', 'aud', 'iss', 'sub'])('without %s', async name => {
    await expectRefused(signAsIssuer(keys(), good({ [name]: undefined })))
    for (const wrong of [null, '', `${now() + 600}`, [], {}]) await expectRefused(signAsIssuer(keys(), good({ [name]: wrong })))
  })

  test('one second past exp, at exp, far past it, issued in the future, too long ago, not yet valid', async () => {
    await expectRefused(signAsIssuer(keys(), good({ exp: now() - 1 })))
    await expectRefused(signAsIssuer(keys(), good({ exp: now() })))
    await expectRefused(signAsIssuer(keys(), good({ exp: -1 })))
    await expectRefused(signAsIssuer(keys(), good({ iat: now() + 30 })))
    await expectRefused(signAsIssuer(keys(), good({ nbf: now() + 30 })))
    await expectRefused(signAsIssuer(keys(), good({ nbf: 'soon' })))
    await expectRefused(signAsIssuer(keys(), good({ iat: now() - 4000, exp: now() + 600 })))
  })

  test('a token that was accepted and is remembered is refused once it has ended', async () => {
    const token = signAsIssuer(keys(), good({ exp: now() + 2, run_id: 'eleven' }))
    const first = await exchange(token)
    expect(first.status).toBe(200)
    expect(decodeJwt(first.body.access_token).exp).toBeLessThanOrEqual(decodeJwt(token).exp!)
    await vi.waitFor(async () => expect((await exchange(token)).status).toBe(400), { timeout: 5_000, interval: 100 })
    expect(now()).toBeGreaterThanOrEqual(decodeJwt(token).exp!)
  })
})
