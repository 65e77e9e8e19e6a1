// The attack rows of threats.md that end at the subject token: 1, 5 to 7, 9 to 11, and the rule that a proof is unambiguous.

import { createHmac, generateKeyPairSync } from 'node:crypto'
import { exportJWK, exportSPKI, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AgentRule } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { verifyOpenIdSubject } from '#core/subject/openid-subject.ts'
import { audience, issuer, makeAgent, makeSnapshot, openIdSource, x509Source } from './snapshot.ts'

const nowMs = 1_795_305_600_000
const now = nowMs / 1000
const sub = 'repo:org/app:ref:main'
const rule: AgentRule = { trust_source: 'source-ci', claims: { sub: 'repo:org/*:ref:main' } }
const agent = makeAgent([rule])

let keys: Awaited<ReturnType<typeof generateKeyPair>>
let rsa: Awaited<ReturnType<typeof generateKeyPair>>
let stranger: Awaited<ReturnType<typeof generateKeyPair>>
let jwks: { keys: Record<string, unknown>[] }
let fetches: number
let store: JwksStore
beforeAll(async () => {
  keys = await generateKeyPair('ES256', { extractable: true })
  rsa = await generateKeyPair('RS256', { extractable: true })
  stranger = await generateKeyPair('ES256', { extractable: true })
  jwks = {
    keys: [
      { ...(await exportJWK(keys.publicKey)), kid: 'ec', alg: 'ES256', use: 'sig' },
      { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' },
    ],
  }
})
beforeEach(() => {
  fetches = 0
  store = new JwksStore(async () => {
    fetches++
    return jwks
  })
})

const claims = (change: Record<string, unknown> = {}): Record<string, unknown> => {
  const all: Record<string, unknown> = { iss: issuer, aud: audience, sub, iat: now - 10, exp: now + 300, ...change }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
const sign = (change: Record<string, unknown> = {}, header: Partial<JWTHeaderParameters> = {}, key = keys.privateKey) =>
  new SignJWT(claims(change)).setProtectedHeader({ alg: 'ES256', kid: 'ec', typ: 'JWT', ...header }).sign(key)
const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const verify = (token: string, snapshot: TenantSnapshot = makeSnapshot({ agents: [agent] })) =>
  verifyOpenIdSubject(snapshot, store, token, nowMs)
const reasonOf = async (token: string, snapshot?: TenantSnapshot): Promise<string | undefined> => {
  const result = await verify(token, snapshot)
  return result.ok ? undefined : result.reason
}

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
      boundThumbprint: undefined,
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
    ['a binding to a key of another kind', { cnf: { jkt: 'x' } }, 'unsupported_binding'],
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
    expect(fetches).toBe(0)
  })

  test('every registered algorithm verifies with a key of its kind', async () => {
    for (const alg of ['ES384', 'ES512', 'PS256', 'RS512', 'EdDSA', 'Ed25519']) {
      const pair = await generateKeyPair(alg, { extractable: true })
      jwks.keys.push({ ...(await exportJWK(pair.publicKey)), kid: alg })
      const snapshot = makeSnapshot({ agents: [agent], sources: [openIdSource({ algorithms: [alg] })] })
      store = new JwksStore(async () => jwks)
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
    expect(fetches).toBe(1)
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
    expect(fetches).toBe(1)
    for (let n = 0; n < 20; n++) expect(await reasonOf(await sign({}, { kid }))).toBe('unknown_key')
    expect(fetches).toBe(1)
  })
})

describe('the agent', () => {
  const twoAgents = (...rules: AgentRule[]) => makeSnapshot({ agents: rules.map(one => makeAgent([one])) })

  test('is refused when two match one proof', async () => {
    const broad: AgentRule = { trust_source: 'source-ci', claims: { sub: 'repo:org/**' } }
    expect(await reasonOf(await sign(), twoAgents(rule, broad))).toBe('ambiguous_agent')
    expect(
      await reasonOf(await sign(), makeSnapshot({ agents: [makeAgent([rule, broad])] })),
      'two rules of one agent',
    ).toBeUndefined()
  })

  test.each<[name: string, bad: AgentRule]>([
    ['a rule without sub', { trust_source: 'source-ci', claims: { ref: 'main' } }],
    ['a rule without any claim', { trust_source: 'source-ci', claims: {} }],
    ['a rule of another trust source', { trust_source: 'source-other', claims: { sub } }],
    ['a rule for certificates', { trust_source: 'source-ci', san_uri: sub }],
    ['a rule with a claim that the token lacks', { trust_source: 'source-ci', claims: { sub, environment: 'production' } }],
    ['a rule with a claim that the token has as a list', { trust_source: 'source-ci', claims: { sub, groups: 'a' } }],
    [
      'a rule with a claim that only every object has',
      { trust_source: 'source-ci', claims: { sub, 'constructor.name': 'Object' } },
    ],
  ])('is not recognised by %s', async (_, bad) => {
    expect(await reasonOf(await sign({ ref: 'main', groups: ['a'] }), makeSnapshot({ agents: [makeAgent([bad])] }))).toBe(
      'unknown_agent',
    )
  })

  test('is told apart by nested claims', async () => {
    const nested: AgentRule = { trust_source: 'source-ci', claims: { sub, 'kubernetes.io.pod.name': 'app-*' } }
    const exact: AgentRule = { trust_source: 'source-ci', claims: { sub, 'kubernetes.io.pod.name': 'app-1' } }
    const token = await sign({ 'kubernetes.io': { pod: { name: 'app-1' } } })
    expect(await reasonOf(token, makeSnapshot({ agents: [makeAgent([exact])] }))).toBeUndefined()
    await expect(verify(token, makeSnapshot({ agents: [makeAgent([nested])] })), 'a star is a whole segment').rejects.toThrow(
      TypeError,
    )
  })
})

describe('trust sources', () => {
  test('of one issuer are told apart by their audience, and each speaks for its own agents only', async () => {
    const second = openIdSource({ id: 'source-second', audience: 'https://second.example' })
    const other = makeAgent([{ trust_source: 'source-second', claims: { sub } }])
    const snapshot = makeSnapshot({ sources: [openIdSource(), second], agents: [agent, other] })
    const first = await verify(await sign(), snapshot)
    expect(first.ok && first.subject.agent).toBe(agent)
    const result = await verify(await sign({ aud: 'https://second.example' }), snapshot)
    expect(result.ok && result.subject.agent).toBe(other)
  })

  test('that are certificate authorities vouch for no token', async () => {
    const source = { ...x509Source('source-ci'), issuer } as never
    expect(await reasonOf(await sign(), makeSnapshot({ sources: [source], agents: [agent] }))).toBe('unknown_issuer')
  })

  test('whose keys cannot be had are an answer to come back later', async () => {
    store = new JwksStore(async () => Promise.reject(new Error('unreachable')))
    await expect(verify(await sign())).rejects.toMatchObject({ code: 'trust_source_unavailable' })
  })
})

describe('instances and tasks', () => {
  const withSettings = (settings: Parameters<typeof makeAgent>[2]) => makeSnapshot({ agents: [makeAgent([rule], {}, settings)] })
  const subjectOf = async (change: Record<string, unknown>, settings: Parameters<typeof makeAgent>[2]) => {
    const result = await verify(await sign(change), withSettings(settings))
    if (!result.ok) throw new Error(result.reason)
    return result.subject
  }

  test('are told apart by the instance claims, a missing one included', async () => {
    const settings = { instance_claims: ['run_id'] }
    const openers = [{ run_id: '1' }, { run_id: '2' }, {}, { run_id: 'null' }].map(
      async change => (await subjectOf(change, settings)).opener,
    )
    expect(new Set(await Promise.all(openers)).size).toBe(4)
  })

  test('share an opener when the registration names no instance claims', async () => {
    expect((await subjectOf({ run_id: '1' }, {})).opener).toBe((await subjectOf({ run_id: '2' }, {})).opener)
  })

  test('have a derived task only when every task claim is there', async () => {
    const settings = { task_claims: ['run_id', 'attempt'] }
    const [a, b, c] = [
      await subjectOf({ run_id: '1', attempt: 1 }, settings),
      await subjectOf({ run_id: '1', attempt: 2 }, settings),
      await subjectOf({ run_id: '1' }, settings),
    ]
    expect(a.derivedTaskId).toMatch(/^run_[0-9a-f]{32}$/)
    expect(b.derivedTaskId).not.toBe(a.derivedTaskId)
    expect(c.derivedTaskId).toBeUndefined()
  })

  test('carry the certificate that the token is bound to', async () => {
    expect((await subjectOf({ cnf: { 'x5t#S256': 'abc' } }, {})).boundThumbprint).toBe('abc')
  })
})

test('keys too weak or of the wrong kind verify nothing, even when the issuer publishes them', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  jwks.keys.push({ ...weak.publicKey.export({ format: 'jwk' }), kid: 'weak' })
  const signed = `${b64({ alg: 'RS256', kid: 'weak' })}.${b64(claims())}`
  expect(await reasonOf(`${signed}.AAAA`)).toBe('unknown_key')
  jwks.keys.pop()
})
