// Bad input at /token: the right OAuth error with a description that helps, never a 5xx, and nothing half-done: no account,
// no issuance in the log.

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { countAccounts, logSize, readLog } from '#test/setup/log-reader.ts'
import type { Answer } from '#test/setup/registration.ts'
import { onceResourceUri, resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const allowed = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/
const errors = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'invalid_authorization_details',
  'access_denied',
])

function expectOAuthError({ status, headers, body }: Answer): void {
  expect(status).toBeGreaterThanOrEqual(400)
  expect(status).toBeLessThan(500)
  expect(errors).toContain(body.error)
  expect(status === 401).toBe(body.error === 'invalid_client')
  expect(body.error_description).toMatch(allowed)
  expect(headers['cache-control']).toBe('no-store')
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
}

const send = (body: string | Buffer, headers: Record<string, string> = formHeaders) =>
  broker.https.send(`${broker.running.config.mtlsUrl}/token`, {
    method: 'POST',
    headers,
    body,
    certificate: broker.running.certificate,
  })

let accounts: number
let from: number
beforeEach(async () => {
  accounts = await countAccounts(broker.database.admin)
  from = await logSize(broker.database.admin)
})
afterEach(async () => {
  expect(await countAccounts(broker.database.admin)).toBe(accounts)
  const types = new Set((await readLog(broker.database.admin, from)).map(entry => entry.leaf.type))
  expect([...types].filter(type => type !== 'token.denied' && type !== 'requests.rejected')).toEqual([])
})

const form = (changes: Record<string, string | undefined> = {}) => broker.running.form({ task_id: 'bad', ...changes })

describe('the error and what its description names', () => {
  test.each<[string, () => string, string, string]>([
    ['nothing', () => '', 'invalid_request', 'grant_type is missing'],
    ['only separators', () => '&&&=&', 'invalid_request', 'grant_type is missing'],
    ['a name without value', () => 'grant_type', 'invalid_request', 'grant_type is missing'],
    ['an unknown grant', () => 'grant_type=x', 'unsupported_grant_type', 'token-exchange'],
    ['JSON in the place of a form', () => JSON.stringify(form()), 'invalid_request', 'grant_type is missing'],
    ['a doubled parameter', () => `${formBody(form())}&scope=orders%3Aread`, 'invalid_request', 'scope was sent more than once'],
    ['a doubled empty one', () => `${formBody(form())}&ttl=&ttl=`, 'invalid_request', 'ttl was sent more than once'],
    [
      'a doubled strange one',
      () => `${formBody(form())}&%0d%0a=1&%0d%0a=2`,
      'invalid_request',
      'A parameter was sent more than once',
    ],
    ['too many', () => `${formBody(form())}${'&x=1'.repeat(70)}`, 'invalid_request', 'at most 64 parameters'],
    [
      'a bad escape',
      () => `${formBody(form({ scope: undefined }))}&scope=%e`,
      'invalid_request',
      'scope is not valid percent-encoded',
    ],
    ['an escape that is no UTF-8', () => `${formBody(form({ scope: undefined }))}&scope=%c3%28`, 'invalid_request', 'scope'],
    ['an overlong NUL', () => `${formBody(form({ scope: undefined }))}&scope=%c0%80`, 'invalid_request', 'scope'],
    ['a NUL', () => `${formBody(form({ scope: undefined }))}&scope=a%00b`, 'invalid_request', 'NUL'],
    ['ttl in words', () => formBody(form({ ttl: 'soon' })), 'invalid_request', 'ttl must be a number of seconds'],
    ['ttl of 0', () => formBody(form({ ttl: '0' })), 'invalid_request', 'ttl'],
    ['a negative ttl', () => formBody(form({ ttl: '-5' })), 'invalid_request', 'ttl'],
    ['ttl with a point', () => formBody(form({ ttl: '1.5' })), 'invalid_request', 'ttl'],
    ['an account_id of another kind', () => formBody(form({ account_id: 'agt_0' })), 'invalid_request', 'account_id must be'],
    ['a task_id with a space', () => formBody(form({ task_id: 'a b' })), 'invalid_request', 'task_id must be'],
    ['a short nonce', () => formBody(form({ nonce: 'x' })), 'invalid_request', 'nonce must be'],
    [
      'a flag in capitals',
      () => formBody(form({ allow_narrowing: 'TRUE' })),
      'invalid_request',
      'allow_narrowing must be true or false',
    ],
    ['no permission', () => formBody(form({ scope: undefined })), 'invalid_scope', 'Send scope or authorization_details'],
    ['no resource', () => formBody(form({ resource: undefined })), 'invalid_target', 'Send resource'],
    ['an unregistered resource', () => formBody(form({ resource: 'https://x.example/' })), 'invalid_target', 'not registered'],
    ['an unknown scope', () => formBody(form({ scope: 'nothing:such' })), 'invalid_scope', 'scope'],
    ['a scope beyond the ceiling', () => formBody(form({ scope: 'orders:write' })), 'invalid_scope', 'orders:write'],
    ['a scope with two spaces', () => formBody(form({ scope: 'orders:read  orders:read' })), 'invalid_scope', 'single spaces'],
    ['a scope that is quoted', () => formBody(form({ scope: '"orders:read"' })), 'invalid_scope', 'characters'],
    ['details that are no JSON', () => formBody(form({ authorization_details: '{' })), 'invalid_authorization_details', 'JSON'],
    ['an intent, which is not evaluated', () => formBody(form({ intent: 'read orders' })), 'invalid_request', 'intent'],
    [
      'task and account that disagree',
      () => formBody(form({ account_id: `acct_${'1'.repeat(32)}` })),
      'access_denied',
      'no such account',
    ],
  ])('%s', async (_what, body, error, words) => {
    const answer = await send(body())
    expectOAuthError(answer)
    expect(answer.body.error).toBe(error)
    expect(answer.body.error_description).toContain(words)
  })

  test.each([
    ['no content type', {}],
    ['JSON', { 'content-type': 'application/json' }],
    ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['another charset', { 'content-type': 'application/x-www-form-urlencoded; charset=utf-16' }],
    ['a charset after a tab', { 'content-type': 'application/x-www-form-urlencoded\t;charset=utf-7' }],
    ['two parameters', { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8; x=y' }],
    ['a longer name', { 'content-type': 'application/x-www-form-urlencodedx' }],
    ['a list', { 'content-type': 'application/x-www-form-urlencoded, application/json' }],
  ] as [string, Record<string, string>][])('a body as %s is 415 (attack 24)', async (_what, headers) => {
    const answer = await send(formBody(form()), headers)
    expectOAuthError(answer)
    expect([answer.status, answer.body.error]).toEqual([415, 'invalid_request'])
    expect(answer.body.error_description).toContain('application/x-www-form-urlencoded')
  })

  test.each([
    ['UTF-16', Buffer.from('grant_type=x', 'utf16le')],
    ['a byte order mark', Buffer.from('\ufeffgrant_type=x')],
    ['Latin-1', Buffer.from('grant_type=é', 'latin1')],
    ['random bytes', Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 7919) % 256))],
  ])('a body in %s is refused', async (_what, body) => expectOAuthError(await send(body)))

  test.each(['"', 'short', 'x'.repeat(257)])('an Idempotency-Key of %j is refused', async key => {
    const answer = await broker.running.token(form(), broker.running.certificate, { 'idempotency-key': key })
    expectOAuthError(answer)
    expect(answer.body.error_description).toContain('Idempotency-Key')
  })
})

describe('generated garbage', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ maxLength: 60 }),
    fc.constantFrom(
      '',
      ' ',
      '0',
      '-1',
      'null',
      'undefined',
      '[object Object]',
      '__proto__',
      '%',
      '../',
      "' or 1=1",
      '{}',
      '[]',
      'a'.repeat(3000),
    ),
    fc.json({ maxDepth: 4 }),
  )
  const known = fc.constantFrom(
    'grant_type',
    'subject_token',
    'subject_token_type',
    'requested_token_type',
    'actor_token',
    'resource',
    'audience',
    'scope',
    'authorization_details',
    'account_id',
    'ttl',
    'nonce',
    'client_id',
    'allow_narrowing',
    'assertion',
  )
  const values: Record<string, readonly string[]> = {
    grant_type: ['urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
    subject_token_type: ['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:mtls'],
    resource: [resourceUri, onceResourceUri],
    scope: ['orders:read', 'orders:write'],
    ttl: ['60'],
    allow_narrowing: ['true', 'false'],
  }
  const pair = fc.oneof(
    fc.tuple(fc.oneof(known, text), text),
    known.chain(name => fc.tuple(fc.constant(name), fc.constantFrom(...(values[name] ?? ['x'])))),
  )
  /** Never a valid request: no generated text is a signed workload token. */
  const garbage = fc.array(pair, { maxLength: 12 }).map(pairs => formBody(pairs))

  test('as a form', async () => {
    await fc.assert(
      fc.asyncProperty(garbage, async body => {
        expectOAuthError(await send(body))
      }),
      { numRuns: 400 },
    )
  })

  test('as bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async bytes => {
        expectOAuthError(await send(Buffer.from(bytes)))
      }),
      { numRuns: 150 },
    )
  })

  test('as one part of a good request: it is refused as the part deserves, and never anything else', async () => {
    const part = fc.tuple(
      fc.constantFrom(
        'resource',
        'scope',
        'authorization_details',
        'account_id',
        'ttl',
        'nonce',
        'allow_narrowing',
        'client_id',
        'subject_token',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }).filter(value => !/^[\w.~-]{8,}$|^[1-9]\d{0,5}$/.test(value)),
    )
    await fc.assert(
      fc.asyncProperty(part, async ([name, value]) => {
        const answer = await send(formBody(form({ [name]: value.toWellFormed() })))
        expectOAuthError(answer)
        const deserved: Record<string, string> = {
          resource: 'invalid_target',
          scope: 'invalid_scope',
          authorization_details: 'invalid_authorization_details',
          client_id: 'invalid_client',
        }
        // A NUL makes the form unreadable before its parts are looked at.
        expect(answer.body.error).toBe(value.includes('\0') ? 'invalid_request' : (deserved[name] ?? 'invalid_request'))
      }),
      { numRuns: 300 },
    )
  })
})
