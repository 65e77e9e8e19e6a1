// RFC 6749 § 5.2: the form of errors at the token endpoint.

import { describe, expect, test } from 'vitest'
import { formHeaders } from '#test/setup/https-client.ts'
import type { Answer } from '#test/setup/registration.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const allowed = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/

const ask = (changes: Record<string, string | undefined>, headers: Record<string, string> = {}) =>
  broker.running.token(broker.running.form({ task_id: 't', ...changes }), broker.running.certificate, headers)

function expectOAuthError(answer: Answer, status: number, error: string): void {
  expect([answer.status, answer.body.error]).toEqual([status, error])
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(Object.keys(answer.body).sort()).toEqual(['error', 'error_description'])
  expect(answer.body.error).toMatch(allowed)
  expect(answer.body.error_description).toMatch(allowed)
  expect(answer.body.error_description.length).toBeLessThan(1200)
}

const strange = '\r\nSet-Cookie: a=b "\\ é \u202e <script>'

describe('each refusal has its code, no-store and a description in the allowed characters', () => {
  test.each([
    [400, 'invalid_request', { subject_token: undefined }],
    [400, 'invalid_request', { subject_token: strange }],
    [400, 'invalid_request', { task_id: strange }],
    [400, 'invalid_request', { account_id: strange }],
    [400, 'invalid_request', { ttl: strange }],
    [400, 'invalid_request', { nonce: strange }],
    [400, 'invalid_request', { allow_narrowing: strange }],
    [400, 'invalid_request', { [strange]: '%' }],
    [400, 'invalid_request', { subject_token_type: strange }],
    [400, 'invalid_request', { requested_token_type: strange }],
    [400, 'unsupported_grant_type', { grant_type: strange }],
    [400, 'invalid_target', { resource: strange }],
    [400, 'invalid_scope', { scope: strange }],
    [400, 'invalid_scope', { scope: 'orders:write' }],
    [400, 'invalid_authorization_details', { authorization_details: `[{"type":${JSON.stringify(strange)}}]` }],
    [400, 'invalid_authorization_details', { authorization_details: strange }],
    [400, 'access_denied', { account_id: `acct_${'0'.repeat(32)}` }],
    [401, 'invalid_client', { client_id: strange }],
  ] as [number, string, Record<string, string | undefined>][])('%i %s', async (status, error, changes) => {
    // An unknown parameter alone is no error: it needs something wrong beside it.
    const answer = await ask(strange in changes ? { ...changes, grant_type: undefined } : changes)
    expectOAuthError(answer, status, error)
  })

  test.each([
    [413, 'invalid_request', { body: `x=${'a'.repeat(70_000)}` }],
    [415, 'invalid_request', { headers: { 'content-type': 'text/plain' }, body: 'x' }],
    [415, 'invalid_request', { headers: { 'content-type': `${formHeaders['content-type']}; charset=iso-8859-1` }, body: 'x' }],
    [400, 'invalid_request', { body: Buffer.from([0x78, 0x3d, 0xff, 0xfe]) }],
    [400, 'invalid_request', { body: 'grant_type=%zz' }],
    [400, 'invalid_request', { body: 'grant_type=%ff' }],
    [400, 'invalid_request', { body: '' }],
  ])('%i %s for a body that cannot be read', async (status, error, sent) => {
    const answer = await broker.https.send(`${broker.running.issuer}/token`, { method: 'POST', headers: formHeaders, ...sent })
    expectOAuthError(answer, status, error)
  })

  test('an unknown tenant', async () => {
    const url = `${broker.running.issuer}/t/nobody/token`
    expectOAuthError(await broker.https.send(url, { method: 'POST', headers: formHeaders, body: '' }), 404, 'not_found')
  })
})

describe('401', () => {
  test('has no WWW-Authenticate for a client that sent no Authorization', async () => {
    const answer = await broker.running.token(broker.running.form({ task_id: 't' }))
    expectOAuthError(answer, 401, 'invalid_client')
    expect(answer.headers).not.toHaveProperty('www-authenticate')
  })

  test.each([
    ['Basic YTpi', 'Basic realm="mayfly"'],
    ['bearer mfo_x', 'bearer realm="mayfly"'],
    ['DPoP x', 'DPoP realm="mayfly"'],
    ['Strange "x', 'Bearer realm="mayfly"'],
  ])('answers Authorization: %s in its own scheme, whatever else the request proves', async (authorization, challenge) => {
    const answer = await ask({}, { authorization })
    expectOAuthError(answer, 401, 'invalid_client')
    expect(answer.headers['www-authenticate']).toBe(challenge)
  })
})

test('a charset of utf-8, in any case, is taken', async () => {
  for (const charset of ['utf-8', 'UTF-8', '"utf-8"'])
    expect((await ask({}, { 'content-type': `${formHeaders['content-type']}; charset=${charset}` })).status).toBe(200)
})
