// The attack rows of threats.md that end at the subject token: 1, 5 to 7, 9 to 11, and the rule that a proof is unambiguous.

import { createHmac, generateKeyPairSync } from 'node:crypto'
import { exportJWK, exportSPKI, generateKeyPair } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { agent, claims, jwks, keys, newVerifier, now, rsa, sign, stranger, sub } from './openid-issuer.ts'
import { audience, issuer, makeSnapshot, openIdSource } from './snapshot.ts'

let { verify, reasonOf, fetches } = newVerifier()
beforeEach(() => {
  ;({ verify, reasonOf, fetches } = newVerifier())
})

const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

test('a good token is recognised as its agent, until its end', async () => {
  const result = await verify(await sign())
  expect(result).toMatchObject({
    ok: true,
    subject: {
      agent,
      trustSourceId: 'source-ci',
      foreign: { issuer, subject: sub },
      untilSeconds: now + 300,
      byCertificate: false,
      boundKey: undefined,
      derivedTaskId: undefined,
    },
  })
})

describe('claims', () => {
  test.each<[name: string, change: Record<string, unknown>, reason: string]>([
    ['another audience (threats 1)', { aud: 'https://other.example' }, 'wrong_audience'],
    ['several audiences, ours among them', { aud: [audience, 'https://other.example'] }, 'wrong_audience'],
    ['our audience twice', { aud: [audience, audience] }, 'wrong_audience'],
    ['an empty list of audiences', { aud: [] }, 'wrong_audience'],
    ['an audience with a slash more', { aud: `${audience}/` }, 'wrong_audience'],
    ['an audience in a list in a list', { aud: [[audience]] }, 'wrong_audience'],
    ['no audience (threats 11)', { aud: undefined }, 'missing_claim'],
    ['no issuer', { iss: undefined }, 'missing_claim'],
    ['an issuer in a list', { iss: [issuer] }, 'missing_claim'],
    ['an unknown issuer', { iss: 'https://evil.example' }, 'unknown_issuer'],
    ['an issuer with a slash more', { iss: `${issuer}/` }, 'unknown_issuer'],
    ['an issuer in other case', { iss: 'https://CI.example' }, 'unknown_issuer'],
    ['no subject', { sub: undefined }, 'missing_claim'],
    ['an empty subject', { sub: '' }, 'missing_claim'],
    ['a subject that is a number', { sub: 7 }, 'missing_claim'],
    ['no exp', { exp: undefined }, 'missing_claim'],
    ['an exp as text', { exp: String(now + 300) }, 'missing_claim'],
    ['an exp behind the year 9999', { exp: 1e300 }, 'missing_claim'],
    ['an exp one second ago', { exp: now - 1 }, 'expired'],
    ['an exp just now', { exp: now }, 'expired'],
    ['no iat', { iat: undefined }, 'missing_claim'],
    ['an iat in the future', { iat: now + 11 }, 'issued_in_future'],
    ['an nbf in the future', { nbf: now + 11 }, 'not_yet_valid'],
    ['an nbf as text', { nbf: 'never' }, 'not_yet_valid'],
    ['an iat too long ago, though exp is far', { iat: now - 3600, exp: now + 86_400 }, 'too_old'],
    ['an iat before all time', { iat: -1e15, exp: 1e15 }, 'too_old'],
    [
      'the events of a logout token (threats 6)',
      { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
      'wrong_typ',
    ],
    ['a binding to a key of another kind', { cnf: { jwk: { kty: 'EC' } } }, 'unsupported_binding'],
    ['a binding to two keys', { cnf: { 'x5t#S256': 'x', jkt: 'y' } }, 'unsupported_binding'],
    ['a binding that is empty', { cnf: {} }, 'unsupported_binding'],
    ['a binding that is null', { cnf: null }, 'unsupported_binding'],
    ['a subject that no agent has', { sub: 'repo:org-evil/app:ref:main' }, 'unknown_agent'],
    ['a subject with a segment more', { sub: `${sub}/x` }, 'unknown_agent'],
    ['a subject in front of which another stands', { sub: `x:${sub}` }, 'unknown_agent'],
  ])('%s: %s', async (_, change, reason) => {
    expect(await reasonOf(await sign(change))).toBe(reason)
  })

  test.each<[name: string, change: Record<string, unknown>]>([
    ['our audience in a list of one', { aud: [audience] }],
    ['an exp one second ahead', { exp: now + 1 }],
    ['a clock ten seconds ahead', { iat: now + 10, nbf: now + 10 }],
    ['an iat within the age', { iat: now - 3599, exp: now + 86_400 }],
  ])('%s is accepted', async (_, change) => {
    expect(await reasonOf(await sign(change))).toBeUndefined()
  })

  test('are good no longer than the trust source’s age allows, whatever exp says', async () => {
    const result = await verify(await sign({ iat: now - 600, exp: now + 86_400 }))
    expect(result.ok && result.subject.untilSeconds).toBe(now - 600 + 3600)
  })
})

describe('the kind of token (threats 6)', () => {
  test.each([
    'at+jwt',
    'application/at+jwt',
    'logout+jwt',
    'secevent+jwt',
    'agent-task+jwt',
    'dpop+jwt',
    'wit+jwt',
    'statuslist+jwt',
    '',
  ])('typ %j is refused', async typ => {
    expect(await reasonOf(await sign({}, { typ }))).toBe('wrong_typ')
  })

  test.each(['JWT', 'jwt', undefined])('typ %j is accepted', async typ => {
    expect(await reasonOf(await sign({}, { typ }))).toBeUndefined()
  })
})

describe('algorithm and signature (threats 5, 7)', () => {
  const unsigned = (header: Record<string, unknown>, signature = 'AA'): string => `${b64(header)}.${b64(claims())}.${signature}`

  test.each(['none', 'None', 'NONE', 'nOnE'])('alg %s is refused, with and without a signature', async alg => {
    expect(await reasonOf(unsigned({ alg, kid: 'ec' }))).toBe('algorithm_refused')
    expect(await reasonOf(unsigned({ alg, kid: 'ec' }, ''))).toBe('malformed_jwt')
  })

  test.each<[name: string, key: (pem: string) => string]>([
    ['its PEM', pem => pem],
    ['its PEM behind a space', pem => ` ${pem}`],
    ['its PEM behind a line break', pem => `\n${pem}`],
    ['its PEM without the line break at the end', pem => pem.trim()],
  ])('HS256 with the public key as secret, %s, is refused', async (_, spell) => {
    for (const [kid, key] of [
      ['ec', keys.publicKey],
      ['rsa', rsa.publicKey],
    ] as const) {
      const secret = spell(await exportSPKI(key))
      const signed = `${b64({ alg: 'HS256', kid })}.${b64(claims())}`
      const token = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
      expect(await reasonOf(token)).toBe('algorithm_refused')
      // Nor where a registration went wrong and names it.
      const careless = makeSnapshot({ agents: [agent], sources: [openIdSource({ algorithms: ['HS256', 'ES256', 'RS256'] })] })
      expect(await reasonOf(token, careless)).toBe('unknown_key')
    }
  })

  test.each(['es256', 'Es256', 'ES256 ', 'rs256', 'ES384', 'PS256'])('alg %j is not one of the registered ones', async alg => {
    expect(await reasonOf(unsigned({ alg, kid: 'ec' }))).toBe('algorithm_refused')
  })

  test('an algorithm that does not fit the named key is refused', async () => {
    expect(await reasonOf(await sign({}, { kid: 'rsa' }))).toBe('unknown_key')
    expect(await reasonOf(await sign({}, { alg: 'RS256', kid: 'ec' }, rsa.privateKey))).toBe('unknown_key')
  })

  test('another’s signature under the right kid is refused', async () => {
    expect(await reasonOf(await sign({}, {}, stranger.privateKey))).toBe('bad_signature')
  })

  test('a token with any one character changed is refused', async () => {
    const token = await sign()
    for (let i = 0; i < token.length; i += 7) {
      if (token[i] === '.') continue
      const changed = `${token.slice(0, i)}${token[i] === 'A' ? 'B' : 'A'}${token.slice(i + 1)}`
      expect(await reasonOf(changed), `character ${i}`).toBeDefined()
    }
  })

  test('a signature of another token is refused', async () => {
    const [a, b] = [await sign(), await sign({ sub: 'repo:org/other:ref:main' })]
    expect(await reasonOf(`${b.slice(0, b.lastIndexOf('.'))}${a.slice(a.lastIndexOf('.'))}`)).toBe('bad_signature')
  })

  test('a token larger than 16 KiB is refused before anything is looked up', async () => {
    expect(await reasonOf(await sign({ filler: 'x'.repeat(20_000) }))).toBe('malformed_jwt')
    expect(fetches()).toBe(0)
  })

  test('every registered algorithm verifies with a key of its kind', async () => {
    for (const alg of ['ES384', 'ES512', 'PS256', 'RS512', 'EdDSA', 'Ed25519']) {
      const pair = await generateKeyPair(alg, { extractable: true })
      jwks.keys.push({ ...(await exportJWK(pair.publicKey)), kid: alg })
      const snapshot = makeSnapshot({ agents: [agent], sources: [openIdSource({ algorithms: [alg] })] })
      ;({ reasonOf } = newVerifier())
      const token = await sign({}, { alg, kid: alg }, pair.privateKey)
      expect(await reasonOf(token, snapshot), alg).toBeUndefined()
      expect(await reasonOf(`${token.slice(0, -20)}${'A'.repeat(18)}${token.slice(-2)}`, snapshot), alg).toBe('bad_signature')
      jwks.keys.pop()
    }
  })
})

describe('headers that would choose the key (threats 9, 10)', () => {
  test('jku, x5u, jwk and x5c lead nowhere: the token stands or falls with the issuer’s own keys', async () => {
    const jwk = await exportJWK(stranger.publicKey)
    const lures = { jku: 'https://evil.example/jwks', x5u: 'file:///etc/passwd', jwk, x5c: ['AAAA'] }
    expect(await reasonOf(await sign({}, lures, stranger.privateKey))).toBe('bad_signature')
    expect(await reasonOf(await sign({}, lures))).toBeUndefined()
    expect(fetches()).toBe(1)
  })

  test.each([
    '../../etc/passwd',
    "ec' or '1'='1",
    'https://evil.example/key',
    'file:///dev/zero',
    '__proto__',
    'constructor',
    '\u0000',
    'x'.repeat(4_000),
  ])('kid %j is a name and no place: no key, and no fetch beyond the first', async kid => {
    await verify(await sign())
    expect(fetches()).toBe(1)
    for (let n = 0; n < 20; n++) expect(await reasonOf(await sign({}, { kid }))).toBe('unknown_key')
    expect(fetches()).toBe(1)
  })
})

test('keys too weak or of the wrong kind verify nothing, even when the issuer publishes them', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  jwks.keys.push({ ...weak.publicKey.export({ format: 'jwk' }), kid: 'weak' })
  const signed = `${b64({ alg: 'RS256', kid: 'weak' })}.${b64(claims())}`
  expect(await reasonOf(`${signed}.AAAA`)).toBe('unknown_key')
  jwks.keys.pop()
})
