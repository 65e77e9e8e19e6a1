// What a resource is promised: rows 1, 6–11, 14, 15, 19 and 34 of the attack table, as far as the resource's side decides them.

import { createHmac, createPublicKey } from 'node:crypto'
import { createServer } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createGuard, type GuardOptions, type Verdict } from '../src/index.ts'
import {
  agentCertificate,
  claimsWith,
  flights,
  issuer,
  jwks,
  key,
  newKey,
  nowSeconds,
  requestWith,
  resource,
  signature,
  signToken,
  thiefCertificate,
  thumbprint,
  tokenWith,
} from './issuer.ts'

let now = nowSeconds * 1000
const guardWith = (change: Partial<GuardOptions> = {}) => createGuard({ issuer, resource, jwks, clock: () => now, ...change })
const verify = (token: string, request: object = {}, options: Partial<GuardOptions> = {}): Promise<Verdict> =>
  guardWith(options).verify(requestWith(token, request))
const reasonOf = (verdict: Verdict) => (verdict.ok ? 'allowed' : `${verdict.status} ${verdict.reason}`)
const b64 = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

test('lets a bound token through for what it grants, and says which entry granted it', async () => {
  const verdict = await verify(tokenWith())
  expect(verdict).toMatchObject({ ok: true, granted: flights, token: { task_id: 'tsk_1', account_id: 'acct_1' } })
})

test('takes RS256 where the key is an RSA key, and the thumbprint in place of the certificate', async () => {
  const rsa = newKey('r1', 'RS256')
  const token = signToken(claimsWith(), {}, rsa)
  expect(reasonOf(await verify(token, { certificate: thumbprint }, { jwks: { keys: [rsa.jwk] } }))).toBe('allowed')
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

describe('row 7: the algorithm belongs to the key', () => {
  const input = (alg: string) => `${b64({ alg, typ: 'at+jwt', kid: key.kid })}.${b64(claimsWith())}`
  const pem = createPublicKey({ key: key.jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' })

  test.each(['none', 'None', 'nOnE', 'EdDSA', 'es256', 'PS256'])('refuses alg %s', async alg => {
    const text = input(alg)
    expect(reasonOf(await verify(`${text}.${signature(text, key)}`))).toBe('401 algorithm_refused')
  })
  test('refuses an empty signature', async () => {
    expect(reasonOf(await verify(`${input('none')}.`))).toBe('401 token_malformed')
  })
  test.each([String(pem), ` ${pem}`, `\n${pem}`, JSON.stringify(key.jwk)])(
    'refuses HS256 keyed with the public key',
    async secret => {
      const text = input('HS256')
      const mac = createHmac('sha256', secret).update(text).digest('base64url')
      expect(reasonOf(await verify(`${text}.${mac}`))).toBe('401 algorithm_refused')
    },
  )
  test('refuses RS256 over the id of an ES256 key', async () => {
    const rsa = newKey('k1', 'RS256')
    expect(reasonOf(await verify(signToken(claimsWith(), {}, rsa)))).toBe('401 algorithm_refused')
  })
  test('never takes a symmetric, short or private key from a key set', () => {
    const oct = { kty: 'oct', k: b64('secret'), kid: 'k1', alg: 'HS256' }
    const withPrivate = { ...key.privateKey.export({ format: 'jwk' }), kid: 'k1' }
    for (const bad of [oct, withPrivate, { ...key.jwk, use: 'enc' }, { ...key.jwk, alg: 'ES384' }]) {
      expect(() => guardWith({ jwks: { keys: [bad] } })).toThrow('no key')
    }
  })
})

test('row 8: a cached token never speaks for another', async () => {
  const guard = guardWith()
  const token = tokenWith()
  expect(reasonOf(await guard.verify(requestWith(token)))).toBe('allowed')
  const [header, payload, sign] = token.split('.') as [string, string, string]
  const other = b64({ ...claimsWith(), sub: 'acct_victim' })
  const twin = `${sign.slice(0, -1)}${sign.endsWith('A') ? 'B' : 'A'}`
  for (const forged of [`${header}.${other}.${sign}`, `${header}.${payload}.${twin}`, `${token}A`, `${token}.`]) {
    expect((await guard.verify(requestWith(forged))).ok).toBe(false)
  }
})

describe('rows 9 and 10: a token cannot choose its key', () => {
  const kids = [
    '../../etc/passwd',
    "k1' OR '1'='1",
    'https://thief.example/jwks',
    'k1\u0000',
    '',
    'a'.repeat(200),
    '/dev/null',
    '__proto__',
  ]
  test.each(kids)('refuses the kid %j', async kid => {
    expect((await verify(tokenWith({}, { kid }))).ok).toBe(false)
  })
  test('reads nothing for a kid that is a path, a query or an address', async () => {
    let read = 0
    const keys = () => {
      read += 1
      return undefined
    }
    for (const kid of kids.slice(0, 7)) await verify(tokenWith({}, { kid }), {}, { keys, jwks: undefined as never })
    expect(read).toBe(0)
  })
  test('refuses jku, x5u, jwk, x5c and crit, and connects to none of them', async () => {
    let connections = 0
    const trap = createServer(() => (connections += 1)).listen(0, '127.0.0.1')
    await new Promise(resolve => trap.once('listening', resolve))
    const url = `https://127.0.0.1:${(trap.address() as { port: number }).port}/jwks`
    const thief = newKey('k1')
    for (const header of [
      { jku: url },
      { x5u: url },
      { jwk: thief.jwk },
      { x5c: ['AA'] },
      { crit: ['exp'] },
      { crit: ['b64'], b64: false },
    ]) {
      expect(reasonOf(await verify(signToken(claimsWith(), header, thief)))).toBe('401 header_refused')
    }
    expect(connections).toBe(0)
    trap.close()
  })
  test('refuses a signature by another key under the right id', async () => {
    expect(reasonOf(await verify(signToken(claimsWith(), {}, newKey('k1'))))).toBe('401 signature_invalid')
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
      expect(reasonOf(await verify(token))).toBe('401 token_expired')
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
  test('refuses a DPoP-bound token without a proof verifier, as Bearer, or with a bad proof', async () => {
    const token = tokenWith({ cnf: { jkt: thumbprint } })
    const headers = { authorization: `DPoP ${token}`, dpop: 'proof' }
    expect(reasonOf(await verify(token))).toBe('401 scheme_mismatch')
    expect(reasonOf(await verify(token, { headers }))).toBe('401 proof_refused')
    expect(reasonOf(await verify(token, { headers }, { verifyProof: () => false }))).toBe('401 proof_refused')
    expect(reasonOf(await verify(token, { headers }, { verifyProof: () => Promise.reject(new Error()) }))).toBe(
      '401 proof_refused',
    )
    const two = { ...headers, dpop: ['proof', 'proof'] }
    expect(reasonOf(await verify(token, { headers: two }, { verifyProof: () => true }))).toBe('401 proof_refused')
    expect(
      reasonOf(await verify(token, { headers }, { verifyProof: ({ proof, jkt }) => proof === 'proof' && jkt === thumbprint })),
    ).toBe('allowed')
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
    expect(verdict.headers['www-authenticate']?.includes('error=')).toBe(error !== undefined)
  })
  test('does not tell the caller why', async () => {
    const verdict = await verify(tokenWith({ aud: 'https://other.example' }))
    expect(JSON.stringify({ ...verdict, reason: '' })).not.toMatch(/audience|other\.example/)
  })
})

describe('row 19: mutations', () => {
  test('refuses every token that differs from the signed one by one character', async () => {
    const guard = guardWith()
    const token = tokenWith()
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'ABwxyz019-_.=+/ '), async (at, char) => {
        fc.pre(token[at] !== char)
        const verdict = await guard.verify(requestWith(`${token.slice(0, at)}${char}${token.slice(at + 1)}`))
        expect(verdict.ok).toBe(false)
      }),
      { numRuns: 300 },
    )
  })
  test('refuses every truncation', async () => {
    const guard = guardWith()
    const token = tokenWith()
    for (let length = 0; length < token.length; length += 7) {
      expect((await guard.verify(requestWith(token.slice(0, length)))).ok).toBe(false)
    }
  })
  test('never throws and never answers 5xx, whatever the token, header or payload', async () => {
    const guard = guardWith()
    const part = fc.oneof(fc.string(), fc.base64String(), fc.json().map(b64), fc.jsonValue().map(b64))
    const junk = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 5 }).map(parts => parts.join('.')),
    )
    await fc.assert(
      fc.asyncProperty(junk, async token => {
        const verdict = await guard.verify(requestWith(token))
        expect(verdict.ok || verdict.status).toBe(401)
      }),
      { numRuns: 500 },
    )
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string({ minLength: 1 })), async payload => {
        expect(reasonOf(await guard.verify(requestWith(signToken(payload))))).toBe('401 claims_malformed')
      }),
      { numRuns: 100 },
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(claimsWith())), fc.jsonValue(), async (name, value) => {
        const { resource_hash } = claimsWith()
        const verdict = await guard.verify(
          requestWith(tokenWith({ [name]: value, ...(name === 'resource_hash' ? {} : { resource_hash }) })),
        )
        if (!verdict.ok) expect(verdict.status).toBeLessThan(500)
      }),
      { numRuns: 200 },
    )
  })
})

describe('revocation', () => {
  test('asks on each use, also for a cached token; not knowing refuses with 503', async () => {
    let answer: () => boolean = () => false
    const guard = guardWith({ isRevoked: () => answer() })
    const token = tokenWith()
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('allowed')
    answer = () => true
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('401 token_revoked')
    answer = () => {
      throw new Error('the feed is stale')
    }
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('503 revocation_unknown')
  })
  test('a key that the issuer withdrew ends its tokens, cached ones too', async () => {
    let published: typeof key | undefined = key
    const object = createPublicKey({ key: key.jwk as never, format: 'jwk' })
    const guard = createGuard({ issuer, resource, clock: () => now, keys: kid => (published?.kid === kid ? object : undefined) })
    const token = tokenWith()
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('allowed')
    published = undefined
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('401 key_unknown')
  })
})

test('refuses to start half configured, and names everything wrong at once', () => {
  expect(() =>
    createGuard({ issuer: 'http://broker.example', resource: 'orders', replay: ['once'], jwksUri: 'http://x', jwks }),
  ).toThrow(/issuer.*resource.*at most one.*jwksUri.*credential/)
})
