import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { findBeyond } from '#core/id-jag/bounds.ts'
import { findIdJagTarget, type IdJagGrant, idJagClaims } from '#core/id-jag/mint.ts'
import { verifyIdJag } from '#core/id-jag/verify.ts'
import { parseCompactJwt } from '#core/jwt/parse-compact.ts'
import type { Agent } from '#core/registry/agent.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { verifyOpenIdSubject } from '#core/subject/openid-subject.ts'
import { audience, makeAgent, makeResource, makeSnapshot, openIdSource, resourceUri } from '#test/core/subject/snapshot.ts'

const nowMs = 1_795_305_600_000
const now = nowMs / 1000
const idp = 'https://idp.example'
const source = openIdSource({ id: 'source-idp', issuer: idp, idJag: true, audience: 'something else' })
const keys = await generateKeyPair('ES256', { extractable: true })
const stranger = await generateKeyPair('ES256')
const jwks = new JwksStore(async () => ({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k' }] }))
const client = makeAgent([{ trust_source: 'source-idp', claims: { iss: idp } }])

const sign = (change: Record<string, unknown> = {}, header: Record<string, unknown> = {}, key = keys.privateKey) => {
  const claims = {
    iss: idp,
    sub: 'user-1',
    aud: audience,
    client_id: client.clientId,
    jti: 'one',
    iat: now - 5,
    exp: now + 295,
    ...change,
  }
  const kept = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
  return new SignJWT(kept).setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'oauth-id-jag+jwt', ...header }).sign(key)
}
async function verify(token: string, as: Agent = client, sources = [openIdSource(), source]) {
  const parsed = parseCompactJwt(token)
  if (!parsed.ok) throw new Error(parsed.reason)
  const snapshot = makeSnapshot({ sources, agents: [as] })
  return verifyIdJag({ snapshot, jwks, client: as }, { token, jwt: parsed.jwt }, nowMs)
}

describe('an identity assertion', () => {
  test('says which user acts through the client, once, within what it lists', async () => {
    const result = await verify(await sign({ resource: resourceUri, scope: 'orders:write orders:read' }))
    expect(result).toMatchObject({
      ok: true,
      subject: {
        agent: client,
        trustSourceId: 'source-idp',
        foreign: { issuer: idp, subject: 'user-1' },
        untilSeconds: now + 295,
      },
      bounds: { resources: [resourceUri], permission: { scopes: ['orders:read', 'orders:write'], details: [] } },
      use: [idp, 'one'],
    })
  })

  test('of two users are two subjects, so that neither uses the other’s account', async () => {
    const [one, two] = [await verify(await sign()), await verify(await sign({ sub: 'user-2' }))]
    expect(one.ok && two.ok && one.subject.opener !== two.subject.opener).toBe(true)
  })

  test('without resource, scope and details leaves the agent’s ceiling as the bound', async () => {
    const result = await verify(await sign())
    expect(result.ok && result.bounds).toEqual({ resources: undefined, permission: undefined })
  })

  test('is bound to the DPoP key that it names', async () => {
    const result = await verify(await sign({ cnf: { jkt: 'abc' } }))
    expect(result.ok && result.subject.boundKey).toEqual({ kind: 'jkt', thumbprint: 'abc' })
  })

  test.each<[name: string, token: () => Promise<string>, reason: string]>([
    ['another typ', () => sign({}, { typ: 'JWT' }), 'wrong_typ'],
    ['an unknown issuer', () => sign({ iss: 'https://evil.example' }), 'unknown_issuer'],
    ['an issuer that vouches for workloads only', () => sign({ iss: 'https://ci.example' }), 'unknown_issuer'],
    ['another audience', () => sign({ aud: 'https://other.example' }), 'wrong_audience'],
    ['the audience of workloads’ tokens', () => sign({ aud: 'something else' }), 'wrong_audience'],
    ['two audiences', () => sign({ aud: [audience, audience] }), 'wrong_audience'],
    ['another client', () => sign({ client_id: 'agt_other' }), 'other_client'],
    ['no client', () => sign({ client_id: undefined }), 'other_client'],
    ['no user', () => sign({ sub: undefined }), 'missing_claim'],
    ['no jti', () => sign({ jti: undefined }), 'missing_claim'],
    ['a jti of no end', () => sign({ jti: 'x'.repeat(257) }), 'missing_claim'],
    ['no exp', () => sign({ exp: undefined }), 'missing_claim'],
    ['no iat', () => sign({ iat: undefined }), 'missing_claim'],
    ['an end that has come', () => sign({ exp: now }), 'expired'],
    ['a life of more than ten minutes', () => sign({ exp: now + 601 }), 'lives_too_long'],
    ['an age of more than ten minutes', () => sign({ iat: now - 601, exp: now + 1 }), 'too_old'],
    ['an algorithm that is not registered', () => sign({}, { alg: 'PS256' }).catch(() => forge('PS256')), 'algorithm_refused'],
    ['another’s signature', () => sign({}, {}, stranger.privateKey), 'bad_signature'],
    ['an unknown key', () => sign({}, { kid: 'other' }), 'unknown_key'],
    ['a binding that nobody can prove', () => sign({ cnf: {} }), 'unsupported_binding'],
    ['a scope that is a list', () => sign({ scope: ['orders:read'] }), 'malformed_bounds'],
    ['details of an unknown type', () => sign({ authorization_details: [{ type: 'other' }] }), 'malformed_bounds'],
    ['a resource that is no text', () => sign({ resource: [7] }), 'malformed_bounds'],
    ['events', () => sign({ events: {} }), 'wrong_typ'],
  ])('with %s is refused', async (_, token, reason) => {
    const result = await verify(await token())
    expect(result.ok ? undefined : result.reason).toBe(reason)
  })

  const forge = async (alg: string): Promise<string> => {
    const [, payload, signature] = (await sign()).split('.')
    const header = { alg, kid: 'k', typ: 'oauth-id-jag+jwt' }
    return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`
  }

  test('is worth what the agent’s own rules say of its issuer’s users', async () => {
    const reasonFor = async (rules: Agent['rules'], change: Record<string, unknown> = {}) => {
      const as = makeAgent(rules)
      const result = await verify(await sign({ client_id: as.clientId, ...change }), as)
      return result.ok ? undefined : result.reason
    }
    expect(await reasonFor([])).toBe('unknown_agent')
    expect(await reasonFor([{ trust_source: 'source-ci', claims: { iss: idp } }])).toBe('unknown_agent')
    expect(await reasonFor([{ trust_source: 'source-idp', claims: { sub: 'user-2' } }])).toBe('unknown_agent')
    expect(await reasonFor([{ trust_source: 'source-idp', claims: {} }])).toBe('unknown_agent')
    expect(await reasonFor([{ trust_source: 'source-idp', claims: { sub: 'user-1' } }])).toBeUndefined()
    const byTenant = [{ trust_source: 'source-idp', claims: { iss: idp, tenant: 'acme' } }]
    expect(await reasonFor(byTenant)).toBe('unknown_agent')
    expect(await reasonFor(byTenant, { tenant: 'acme' })).toBeUndefined()
  })
})

test('a rule that says whose users may act makes none of that issuer’s other tokens a proof of the agent', async () => {
  const token = await sign({ aud: source.audience, client_id: undefined }, { typ: 'JWT' })
  const parsed = parseCompactJwt(token)
  if (!parsed.ok) throw new Error(parsed.reason)
  const snapshot = makeSnapshot({ sources: [source], agents: [client] })
  const result = await verifyOpenIdSubject(snapshot, jwks, { token, jwt: parsed.jwt }, nowMs)
  expect(result).toMatchObject({ ok: false, reason: 'unknown_agent' })
})

describe('what a request asks for beside its assertion', () => {
  const bounds = { resources: [resourceUri], permission: { scopes: ['orders:read'], details: [] } }
  test('is within it, or is beyond it in a way that has a name', () => {
    const read = { scopes: ['orders:read'], details: [] }
    expect(findBeyond(bounds, resourceUri, read)).toBeUndefined()
    expect(findBeyond(bounds, 'https://other.example/', read)).toBe('target')
    expect(findBeyond(bounds, resourceUri, { scopes: ['orders:write'], details: [] })).toBe('permission')
    expect(findBeyond({ resources: undefined, permission: undefined }, resourceUri, read)).toBeUndefined()
  })
})

describe('an identity assertion of ours', () => {
  const grant: IdJagGrant = {
    issuer: audience,
    subject: 'acct_1',
    audience: 'https://as.example',
    clientId: 'agt_1',
    act: { iss: audience, sub: 'agt_1', sub_profile: 'ai_agent' },
    resource: resourceUri,
    granted: { scopes: ['orders:read'], details: [] },
    key: { kind: 'jkt', thumbprint: 'abc' },
    tokenId: 'at_1',
    issuedSeconds: now,
    expiresSeconds: now + 300,
  }

  test('says what the draft demands, and who acts', () => {
    expect(idJagClaims(grant)).toEqual({
      iss: audience,
      sub: 'acct_1',
      aud: 'https://as.example',
      client_id: 'agt_1',
      jti: 'at_1',
      iat: now,
      exp: now + 300,
      resource: resourceUri,
      scope: 'orders:read',
      cnf: { jkt: 'abc' },
      act: { iss: audience, sub: 'agt_1', sub_profile: 'ai_agent' },
    })
  })

  test.each([0, -1, 301])('is not made for %d seconds', seconds => {
    expect(() => idJagClaims({ ...grant, expiresSeconds: now + seconds })).toThrow(RangeError)
  })

  test('is for a registered resource behind the authorization server that it names', () => {
    const behind = (uri: string, server?: string) => makeResource(server ? { authorization_server: { issuer: server } } : {}, uri)
    const [a, b, c] = [
      behind('https://a.example', 'https://as.example'),
      behind('https://b.example', 'https://as.example'),
      behind('https://c.example'),
    ]
    const only = behind('https://d.example', 'https://other-as.example')
    const snapshot = makeSnapshot({ resources: [a, b, c, only] })
    const find = (...args: [string, string?]) => {
      const found = findIdJagTarget(snapshot, args[0], args[1])
      return found.ok ? found.resource : found.hint
    }
    expect(find('https://as.example', a.uri)).toBe(a)
    expect(find('https://other-as.example')).toBe(only)
    expect(find('https://as.example')).toContain('several')
    expect(find('https://as.example', c.uri)).toContain('not registered behind')
    expect(find('https://evil.example', a.uri)).toContain('No resource here')
    expect(find('undefined', c.uri)).toContain('No resource here')
  })
})
