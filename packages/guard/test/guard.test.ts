// What a resource is promised of tokens that the issuer did sign: rows 1, 6, 11, 14, 15 and 34 of the attack table, as far as the
// resource's side decides them. Forged tokens are in forged-tokens.test.ts.

import { describe, expect, test } from 'vitest'
import { createGuard, type GuardOptions } from '../src/index.ts'
import {
  agentCertificate,
  claimsWith,
  flights,
  issuer,
  jwks,
  guardWith as makeGuard,
  newKey,
  nowSeconds,
  reasonOf,
  requestWith,
  resource,
  signToken,
  thiefCertificate,
  thumbprint,
  tokenWith,
  verify,
} from './issuer.ts'

let now = nowSeconds * 1000
const guardWith = (change: Partial<GuardOptions> = {}) => makeGuard({ clock: () => now, ...change })

test('lets a bound token through for what it grants, and says which entry granted it', async () => {
  const verdict = await verify(tokenWith())
  expect(verdict).toMatchObject({ ok: true, granted: flights, token: { task_id: 'tsk_1', account_id: 'acct_1' } })
})

test('takes RS256 where the key is an RSA key, and the thumbprint in place of the certificate', async () => {
  const rsa = newKey('r1', 'RS256')
  const token = signToken(claimsWith(), {}, rsa)
  expect(reasonOf(await verify(token, { certificate: thumbprint }, { jwks: { keys: [rsa.jwk] } }))).toBe('allowed')
})

describe('a token of a sub-agent', () => {
  const actor = (n: number, act?: object) => ({ sub: `agt_${n}`, iss: issuer, sub_profile: 'ai_agent', ...(act && { act }) })
  const chain = (depth: number): object => actor(depth, depth === 1 ? undefined : chain(depth - 1))
  const child = (change: object = {}) => ({
    sub: 'acct_1',
    account_id: 'acct_9',
    client_id: 'agt_9',
    act: chain(9),
    delegation: { depth: 8, max_depth: 8 },
    ...change,
  })

  test('is let through with its whole chain of actors, which the resource may read', async () => {
    const verdict = await verify(tokenWith(child()))
    expect(verdict).toMatchObject({ ok: true, token: { sub: 'acct_1', account_id: 'acct_9', act: chain(9) } })
  })

  test('is held to everything that others are: key, time, audience, what was granted', async () => {
    const token = tokenWith(child())
    expect(reasonOf(await verify(token, { certificate: thiefCertificate }))).toBe('401 certificate_mismatch')
    expect(reasonOf(await verify(token, { url: '/v1/hotels/42' }))).toMatch(/^403 /)
    expect(reasonOf(await verify(tokenWith(child({ exp: nowSeconds - 1 }))))).toBe('401 token_expired')
    expect(reasonOf(await verify(tokenWith(child({ aud: issuer }))))).toBe('401 audience_mismatch')
  })

  test.each<[string, object]>([
    ['whose presenter is not who acts', { client_id: 'agt_1' }],
    ['with an actor that is a name', { act: { ...actor(9), act: 'agt_8' } }],
    ['with an actor without a name, deep inside', { act: actor(9, actor(8, { iss: issuer })) }],
  ])('is refused %s', async (_, change) => {
    expect(reasonOf(await verify(tokenWith(child(change))))).toBe('401 claims_malformed')
  })

  test('that was made to open accounts is no access token', async () => {
    const delegation = tokenWith(child({ may_act: actor(2) }), { typ: 'agent-delegation+jwt' })
    expect(reasonOf(await verify(delegation))).toBe('401 type_refused')
  })
})

test.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Agent-Task+JWT'])('takes the type %s', async typ => {
  expect(reasonOf(await verify(tokenWith({}, { typ })))).toBe('allowed')
})

describe('row 1, 34: a token made for somebody else', () => {
  test.each([
    ['another resource', { aud: 'https://other.example' }, '401 audience_mismatch'],
    ['this resource with a slash more', { aud: `${resource}/` }, '401 audience_mismatch'],
    ['two resources', { aud: [resource, 'https://other.example'] }, '401 claims_malformed'],
    ['this resource, in a list', { aud: [resource] }, '401 claims_malformed'],
    ['another tenant', { iss: `${issuer}/t/b` }, '401 issuer_mismatch'],
    ['the issuer with a slash more', { iss: `${issuer}/` }, '401 issuer_mismatch'],
    ['a client that is not its presenter', { client_id: 'agt_2' }, '401 claims_malformed'],
  ])('refuses one for %s', async (_, change, reason) => {
    const safe = 'aud' in change && Array.isArray(change.aud) ? { ...change, resource_hash: 'A'.repeat(43) } : change
    expect(reasonOf(await verify(tokenWith(safe)))).toBe(reason)
  })
})

describe('row 6: other kinds of token', () => {
  test.each(['JWT', 'secevent+jwt', 'statuslist+jwt', 'txntoken+jwt', 'dpop+jwt', 'oauth-id-jag+jwt', ' at+jwt'])(
    'refuses typ %s from the same issuer',
    async typ => expect(reasonOf(await verify(tokenWith({}, { typ })))).toBe('401 type_refused'),
  )
  test('refuses a token without typ', async () => {
    expect(reasonOf(await verify(tokenWith({}, { typ: undefined })))).toBe('401 header_refused')
  })
})

describe('row 11: claims and time', () => {
  const names = [
    'iss',
    'aud',
    'sub',
    'client_id',
    'account_id',
    'task_id',
    'gen',
    'cfg',
    'jti',
    'iat',
    'exp',
    'act',
    'replay',
    'evt',
  ]
  test.each(names)('refuses a token without %s', async name => {
    const claims = claimsWith()
    delete claims[name]
    expect(reasonOf(await verify(signToken(claims)))).toBe('401 claims_malformed')
  })
  test.each([
    ['exp as text', { exp: String(nowSeconds + 300) }],
    ['exp as a fraction', { exp: nowSeconds + 0.5 }],
    ['an empty cnf', { cnf: {} }],
    ['an unknown cnf', { cnf: { kid: 'x' } }],
    ['cnf null', { cnf: null }],
    ['an empty scope', { scope: '', resource_hash: 'A'.repeat(43) }],
    ['an unknown replay mode', { replay: 'twice' }],
  ])('refuses %s', async (_, change) => expect(reasonOf(await verify(tokenWith(change)))).toBe('401 claims_malformed'))
  test('refuses a payload that names a claim twice', async () => {
    const text = JSON.stringify(claimsWith())
    expect(reasonOf(await verify(signToken(`${text.slice(0, -1)},"exp":${nowSeconds + 9999}}`)))).toBe('401 claims_malformed')
    expect(reasonOf(await verify(signToken(`${text.slice(0, -1)},"\\u0065xp":${nowSeconds + 9999}}`)))).toBe(
      '401 claims_malformed',
    )
  })
  test('gives no leeway on exp, cached or not', async () => {
    const guard = guardWith()
    const token = tokenWith()
    try {
      now = (nowSeconds + 300) * 1000 - 1
      expect(reasonOf(await guard.verify(requestWith(token)))).toBe('allowed')
      now += 1
      expect(reasonOf(await guard.verify(requestWith(token)))).toBe('401 token_expired')
      expect(reasonOf(await guardWith().verify(requestWith(token)))).toBe('401 token_expired')
    } finally {
      now = nowSeconds * 1000
    }
  })
  test('takes iat up to 10 s ahead, nbf likewise', async () => {
    expect(reasonOf(await verify(tokenWith({ iat: nowSeconds + 10, nbf: nowSeconds + 10 })))).toBe('allowed')
    expect(reasonOf(await verify(tokenWith({ iat: nowSeconds + 11 })))).toBe('401 token_from_the_future')
    expect(reasonOf(await verify(tokenWith({ nbf: nowSeconds + 11 })))).toBe('401 token_from_the_future')
  })
  test('refuses a token older than maxAgeSeconds', async () => {
    expect(reasonOf(await verify(tokenWith({ iat: nowSeconds - 61 }), {}, { maxAgeSeconds: 60 }))).toBe('401 token_too_old')
  })
  test('refuses a token whose resource hash is of another grant', async () => {
    const wider = { ...flights, methods: ['DELETE', 'GET'] }
    const { resource_hash } = claimsWith()
    expect(reasonOf(await verify(tokenWith({ authorization_details: [wider], resource_hash })))).toBe(
      '401 resource_hash_mismatch',
    )
  })
})

describe('rows 14 and 15: the presenter', () => {
  test('refuses a stolen token: no certificate, another one, cached or not', async () => {
    const guard = guardWith()
    const token = tokenWith()
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('allowed')
    for (const one of [guard, guardWith()]) {
      expect(reasonOf(await one.verify(requestWith(token, { certificate: undefined })))).toBe('401 certificate_missing')
      expect(reasonOf(await one.verify(requestWith(token, { certificate: thiefCertificate })))).toBe('401 certificate_mismatch')
    }
  })
  test('ignores certificates and addresses in headers', async () => {
    const der = agentCertificate.toString('base64')
    const headers = {
      authorization: `Bearer ${tokenWith()}`,
      'client-cert': `:${der}:`,
      'x-forwarded-client-cert': `Cert="${der}"`,
      'x-ssl-client-cert': der,
      'ssl-client-verify': 'SUCCESS',
      'x-forwarded-host': 'api.example',
      'x-forwarded-for': '127.0.0.1',
    }
    expect(reasonOf(await verify('', { headers, certificate: undefined }))).toBe('401 certificate_missing')
  })
  test('takes a token without cnf only where the owner allows bearer', async () => {
    const token = tokenWith({ cnf: undefined })
    expect(reasonOf(await verify(token))).toBe('401 binding_absent')
    expect(reasonOf(await verify(token, {}, { allowBearer: true }))).toBe('allowed')
  })
  test('allowing bearer does not loosen a token that is bound', async () => {
    expect(reasonOf(await verify(tokenWith(), { certificate: undefined }, { allowBearer: true }))).toBe('401 certificate_missing')
  })
})

describe('credentials', () => {
  test.each([
    ['no header', {}, '401 no_credentials', undefined],
    ['another scheme', { authorization: 'Basic dTpw' }, '401 no_credentials', undefined],
    ['two headers', { authorization: ['Bearer a.b.c', 'Bearer a.b.c'] }, '401 credentials_malformed', 'invalid_token'],
    ['two tokens', { authorization: 'Bearer a.b.c, Bearer a.b.c' }, '401 credentials_malformed', 'invalid_token'],
    ['an empty token', { authorization: 'Bearer ' }, '401 credentials_malformed', 'invalid_token'],
    ['junk', { authorization: 'Bearer junk' }, '401 token_malformed', 'invalid_token'],
    ['20 kB of junk', { authorization: `Bearer ${'a'.repeat(20_000)}.b.c` }, '401 token_too_large', 'invalid_token'],
  ])('answers %s as RFC 6750 says', async (_, headers, reason, error) => {
    const verdict = await verify('', { headers })
    expect(reasonOf(verdict)).toBe(reason)
    if (verdict.ok) return
    expect(verdict.error).toBe(error)
    expect(verdict.headers['www-authenticate']).toContain(
      'Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource/v1"',
    )
    expect(verdict.headers['www-authenticate']).toContain(', DPoP algs="ES256 ')
    expect(verdict.headers['www-authenticate']?.includes('error=')).toBe(error !== undefined)
  })
  test('does not tell the caller why', async () => {
    const verdict = await verify(tokenWith({ aud: 'https://other.example' }))
    expect(JSON.stringify({ ...verdict, reason: '' })).not.toMatch(/audience|other\.example/)
  })
})

test('refuses with 503 where a clock, a header or an address fails it, and never throws', async () => {
  const broken = () => {
    throw new Error('no time')
  }
  expect(reasonOf(await verify(tokenWith(), {}, { clock: broken }))).toBe('503 guard_failed')
  expect(reasonOf(await verify(tokenWith(), {}, { clock: () => Number.NaN }))).toBe('401 token_expired')
  expect(reasonOf(await verify(tokenWith(), { url: undefined }))).toBe('503 guard_failed')
})

test('refuses to start half configured, and names everything wrong at once', () => {
  expect(() =>
    createGuard({ issuer: 'http://broker.example', resource: 'orders', replay: ['once'], jwksUri: 'http://x', jwks }),
  ).toThrow(/issuer.*resource.*at most one.*jwksUri.*credential/)
})
