import { describe, expect, test } from 'vitest'
import { ChallengeNonces } from '#core/did/challenge-nonces.ts'
import { createCredentialKeys } from '#core/did/credential-keys.ts'
import { DidKeys } from '#core/did/did-keys.ts'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import type { AgentRule } from '#core/registry/agent.ts'
import type { DidTrustSource } from '#core/registry/trust-source-kinds/did.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { verifyJwtSubject } from '#core/subject/verify-jwt-subject.ts'
import { documentOf, type Holder, newHolder, signCredential, signProof } from '#test/core/did/did-world.ts'
import { proofsBy } from './proofs-by.ts'
import { audience, makeAgent, makeSnapshot } from './snapshot.ts'

const nowMs = 1_795_305_600_000
const now = nowMs / 1000
const nonces = new ChallengeNonces(Buffer.alloc(32, 7))
const didSource = (change: Partial<DidTrustSource> = {}): DidTrustSource => ({
  kind: 'did',
  id: 'source-did',
  name: 'partners',
  methods: ['did:web', 'did:key'],
  caPem: undefined,
  credentialIssuers: [],
  ...change,
})

const holder = newHolder()
const web = newHolder('ES256', 'did:web:agents.example:one')
const issuer = newHolder('ES256', 'did:web:credentials.example')
const ruleFor = (did: string, credential_type?: string): AgentRule => ({
  trust_source: 'source-did',
  did,
  ...(credential_type && { credential_type }),
})

/** A verifier that remembers what was used and counts what was fetched. documents: by URL. */
function newVerifier(documents: Record<string, unknown> = {}) {
  const fetched: string[] = []
  const used = new Set<string>()
  const didKeys = new DidKeys(async ({ url }) => {
    fetched.push(url)
    if (!Object.hasOwn(documents, url)) throw new Error('404')
    return Buffer.from(JSON.stringify(documents[url]))
  })
  const jwks = new JwksStore(async () => ({ keys: [{ ...issuer.jwk, kid: issuer.kid }] }))
  const did = {
    findDidKey: didKeys.find.bind(didKeys),
    findCredentialKey: createCredentialKeys(didKeys, jwks),
    acceptsNonce: nonces.accepts.bind(nonces),
  }
  const consume = async (...use: unknown[]): Promise<boolean> => {
    const name = JSON.stringify(use.slice(0, 3))
    return !used.has(name) && !!used.add(name)
  }
  const proofs = proofsBy(jwks, { did, firstUses: { consume } })
  const verify = async (token: string, snapshot = snapshotOf(ruleFor(holder.did)), request = {}) =>
    (await verifyJwtSubject(snapshot, proofs, { token, request }, nowMs)).result
  const reasonOf = async (token: string, snapshot?: ReturnType<typeof snapshotOf>) => {
    const result = await verify(token, snapshot)
    return result.ok ? undefined : result.reason
  }
  return { verify, reasonOf, fetched }
}

const snapshotOf = (rule: AgentRule, source = didSource()) => makeSnapshot({ sources: [source], agents: [makeAgent([rule])] })
const newNonce = () => nonces.issue(makeSnapshot().tenant.id, nowMs)
const prove = (by: Holder = holder, change: object = {}, header: object = {}) =>
  signProof(by, { audience, nonce: newNonce(), now }, change, header)

describe('a proof of a did:key', () => {
  test.each(['EdDSA', 'ES256'] as const)('signed with %s is recognised, bound to its key', async alg => {
    const by = newHolder(alg)
    const result = await newVerifier().verify(prove(by), snapshotOf(ruleFor(by.did)))
    expect(result).toMatchObject({
      ok: true,
      subject: {
        foreign: { issuer: 'did:key', subject: by.did },
        boundKey: { kind: 'jkt', thumbprint: jwkThumbprint(by.jwk) },
        untilSeconds: now + 120,
      },
    })
  })

  test('names another key in cnf, and is bound to that', async () => {
    const result = await newVerifier().verify(prove(holder, { cnf: { 'x5t#S256': 'abc' } }))
    expect(result.ok && result.subject.boundKey).toEqual({ kind: 'x5t#S256', thumbprint: 'abc' })
  })

  test('is good for one use; of the same nonce too, signed again', async () => {
    const { reasonOf } = newVerifier()
    const nonce = newNonce()
    const token = prove(holder, { nonce })
    expect(await reasonOf(token)).toBeUndefined()
    expect(await reasonOf(token)).toBe('replayed_proof')
    expect(await reasonOf(prove(holder, { nonce, iat: now - 1 }))).toBe('replayed_proof')
    expect(await reasonOf(prove())).toBeUndefined()
  })

  test('serves all attempts of the request that brought it', async () => {
    const { verify } = newVerifier()
    const [token, request] = [prove(), {}]
    for (let n = 0; n < 3; n++) expect((await verify(token, undefined, request)).ok).toBe(true)
    expect((await verify(token, undefined, {})).ok).toBe(false)
  })

  const other = newHolder()
  test.each<[name: string, token: () => string, reason: string]>([
    ['another audience', () => prove(holder, { aud: 'https://other.example' }), 'wrong_audience'],
    ['several audiences', () => prove(holder, { aud: [audience, 'https://other.example'] }), 'wrong_audience'],
    ['no nonce', () => prove(holder, { nonce: undefined }), 'wrong_nonce'],
    ['a nonce of its own', () => prove(holder, { nonce: 'a'.repeat(43) }), 'wrong_nonce'],
    ['a nonce of another tenant', () => prove(holder, { nonce: nonces.issue('other', nowMs) }), 'wrong_nonce'],
    ['an old nonce', () => prove(holder, { nonce: nonces.issue(makeSnapshot().tenant.id, nowMs - 300_000) }), 'wrong_nonce'],
    ['an issuer that is not its subject', () => prove(holder, { iss: other.did }), 'malformed_did'],
    ['a subject that is no DID', () => prove(holder, { iss: 'workload', sub: 'workload' }), 'malformed_did'],
    ['no exp', () => prove(holder, { exp: undefined }), 'missing_claim'],
    ['an exp that has come', () => prove(holder, { exp: now }), 'expired'],
    ['no iat', () => prove(holder, { iat: undefined }), 'missing_claim'],
    ['a life of more than five minutes', () => prove(holder, { exp: now + 301 }), 'lives_too_long'],
    ['a key of another DID', () => prove(holder, {}, { kid: other.kid }), 'unknown_key'],
    ['no kid', () => prove(holder, {}, { kid: undefined }), 'unknown_key'],
    ['a kid that its DID has not', () => prove(holder, {}, { kid: `${holder.did}#other` }), 'unknown_key'],
    ['a signature by another', () => prove({ ...holder, privateKey: other.privateKey }), 'bad_signature'],
    ['no signature', () => prove(holder, {}, { alg: 'none' }), 'algorithm_refused'],
    ['a symmetric algorithm', () => prove(holder, {}, { alg: 'HS256' }), 'algorithm_refused'],
    ['an algorithm of another key', () => prove(holder, {}, { alg: 'ES256' }), 'unknown_key'],
    ['a binding to two keys', () => prove(holder, { cnf: { jkt: 'a', 'x5t#S256': 'b' } }), 'unsupported_binding'],
    ['another typ', () => prove(holder, {}, { typ: 'JWT' }), 'unknown_issuer'],
    ['a DID that no rule names', () => prove(other), 'unknown_agent'],
  ])('with %s is refused', async (_, token, reason) => {
    expect(await newVerifier().reasonOf(token())).toBe(reason)
  })

  test('is refused where the method is no trust source, and where two agents claim it', async () => {
    const { reasonOf } = newVerifier()
    expect(await reasonOf(prove(), snapshotOf(ruleFor(holder.did), didSource({ methods: ['did:web'] })))).toBe('unknown_issuer')
    const agents = [makeAgent([ruleFor(holder.did)]), makeAgent([ruleFor(holder.did)])]
    expect(await reasonOf(prove(), makeSnapshot({ sources: [didSource()], agents }))).toBe('ambiguous_agent')
  })
})

describe('a proof of a did:web', () => {
  const url = 'https://agents.example/one/did.json'
  const snapshot = snapshotOf(ruleFor('did:web:agents.example:*'))

  test('is verified with the keys of its document, fetched once', async () => {
    const { reasonOf, fetched } = newVerifier({ [url]: documentOf(web) })
    for (let n = 0; n < 3; n++) expect(await reasonOf(prove(web), snapshot)).toBeUndefined()
    expect(fetched).toEqual([url])
  })

  test('that no rule names makes us ask nobody', async () => {
    const { reasonOf, fetched } = newVerifier()
    expect(await reasonOf(prove(newHolder('ES256', 'did:web:evil.example')), snapshot)).toBe('unknown_agent')
    expect(fetched).toEqual([])
  })

  test('whose kid is invented makes us ask once', async () => {
    const { reasonOf, fetched } = newVerifier({ [url]: documentOf(web) })
    for (let n = 0; n < 5; n++) expect(await reasonOf(prove(web, {}, { kid: `${web.did}#${n}` }), snapshot)).toBe('unknown_key')
    expect(fetched).toEqual([url])
  })

  test('whose document is another’s, or cannot be had, is not the caller’s fault and gets no token', async () => {
    const document = documentOf(newHolder('ES256', 'did:web:evil.example'))
    for (const documents of [{ [url]: document }, {}])
      await expect(newVerifier(documents).reasonOf(prove(web), snapshot)).rejects.toMatchObject({
        code: 'trust_source_unavailable',
      })
  })

  test('by a key that is there to vouch for others only is refused', async () => {
    const document = { ...documentOf(web), authentication: [] }
    expect(await newVerifier({ [url]: document }).reasonOf(prove(web), snapshot)).toBe('unknown_key')
  })
})

describe('a rule that asks for a credential', () => {
  const source = didSource({ credentialIssuers: [{ issuer: issuer.did }] })
  const snapshot = snapshotOf(ruleFor('did:key:*', 'AgentCredential'), source)
  const documents = { 'https://credentials.example/.well-known/did.json': documentOf(issuer) }
  const vouch = (change: object = {}, header: object = {}, by = issuer) => ({
    vc: signCredential(by, holder.did, now, change, header),
  })

  test('is fulfilled by one of a configured issuer, for as long as both hold', async () => {
    const validUntil = new Date((now + 60) * 1000).toISOString()
    const result = await newVerifier(documents).verify(prove(holder, vouch({ validUntil })), snapshot)
    expect(result).toMatchObject({ ok: true, subject: { foreign: { subject: holder.did }, untilSeconds: now + 60 } })
  })

  test('takes the keys of an issuer by URL from its JWK Set', async () => {
    const byUrl = didSource({
      credentialIssuers: [{ issuer: 'https://credentials.example', jwks_uri: 'https://x.example/jwks' }],
    })
    const { reasonOf, fetched } = newVerifier()
    const claims = vouch({ issuer: { id: 'https://credentials.example' } })
    expect(await reasonOf(prove(holder, claims), snapshotOf(ruleFor('did:key:*', 'AgentCredential'), byUrl))).toBeUndefined()
    expect(fetched).toEqual([])
  })

  const other = newHolder('ES256', 'did:web:evil.example')
  test.each<[name: string, claims: () => object, reason: string]>([
    ['none', () => ({}), 'unknown_agent'],
    ['no text', () => ({ vc: { type: 'AgentCredential' } }), 'malformed_credential'],
    ['one of another type', () => vouch({ type: ['VerifiableCredential', 'Other'] }), 'unknown_agent'],
    ['one without the type of all', () => vouch({ type: ['AgentCredential'] }), 'malformed_credential'],
    ['one of another issuer', () => vouch({}, {}, other), 'unknown_credential_issuer'],
    ['one that names our issuer and another signed', () => vouch({ issuer: issuer.did }, {}, other), 'unknown_key'],
    ['one signed under our issuer’s name', () => vouch({}, {}, { ...other, did: issuer.did, kid: issuer.kid }), 'bad_signature'],
    ['one about another', () => vouch({ credentialSubject: { id: other.did } }), 'other_subject'],
    ['one about several', () => vouch({ credentialSubject: [{ id: holder.did }, { id: other.did }] }), 'other_subject'],
    ['one about nobody', () => vouch({ credentialSubject: {} }), 'other_subject'],
    ['one whose sub is another', () => vouch({ sub: other.did }), 'malformed_credential'],
    ['one whose iss is another', () => vouch({ iss: other.did }), 'malformed_credential'],
    ['an expired one', () => vouch({ validUntil: new Date(nowMs).toISOString() }), 'expired'],
    ['one whose exp has come, whatever validUntil says', () => vouch({ exp: now }), 'expired'],
    ['one that is not valid yet', () => vouch({ validFrom: new Date(nowMs + 60_000).toISOString() }), 'not_yet_valid'],
    ['one that never ends', () => vouch({ validUntil: undefined }), 'malformed_credential'],
    ['one whose end is no time stamp', () => vouch({ validUntil: '2099-01-01' }), 'malformed_credential'],
    ['one with a status', () => vouch({ credentialStatus: { type: 'BitstringStatusListEntry' } }), 'unsupported_status'],
    ['one in the older form', () => vouch({ vc: {} }), 'malformed_credential'],
    ['one of another context', () => vouch({ '@context': ['https://www.w3.org/2018/credentials/v1'] }), 'malformed_credential'],
    ['another kind of token', () => vouch({}, { typ: 'JWT' }), 'wrong_typ'],
    ['one without a signature', () => vouch({}, { alg: 'none' }), 'algorithm_refused'],
  ])('is not fulfilled by %s', async (_, claims, reason) => {
    expect(await newVerifier(documents).reasonOf(prove(holder, claims()), snapshot)).toBe(reason)
  })

  test('does not believe the issuers of another trust source', async () => {
    const believing = didSource({ id: 'other', credentialIssuers: [{ issuer: issuer.did }] })
    const agents = [makeAgent([ruleFor('did:key:*', 'AgentCredential')])]
    const mixed = makeSnapshot({ sources: [didSource(), believing], agents })
    expect(await newVerifier(documents).reasonOf(prove(holder, vouch()), mixed)).toBe('unknown_agent')
  })

  test('tells agents apart by type', async () => {
    const reader = makeAgent([ruleFor('did:key:*', 'AgentCredential')])
    const agents = [reader, makeAgent([ruleFor('did:key:*', 'WriterCredential')])]
    const result = await newVerifier(documents).verify(prove(holder, vouch()), makeSnapshot({ sources: [source], agents }))
    expect(result.ok && result.subject.agent).toBe(reader)
  })
})
