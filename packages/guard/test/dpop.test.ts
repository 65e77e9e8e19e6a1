// Tokens bound to a DPoP key (RFC 9449): what a proof must be, how often it counts, and that no other way leads around it.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsedProofs } from '../src/dpop/used-proofs.ts'
import type { GuardOptions, Verdict } from '../src/index.ts'
import { guardWith, nowSeconds, reasonOf, requestWith, resource, thumbprint, tokenWith } from './issuer.ts'
import { makeProof, newProofSigner, proofClaims } from './proof-maker.ts'

type Json = Record<string, unknown>
const agent = newProofSigner()
const thief = newProofSigner()
const token = tokenWith({ cnf: { jkt: agent.jkt } })
const dpop = (text: string, proof?: unknown, change: object = {}) =>
  requestWith(text, { certificate: undefined, headers: { authorization: `DPoP ${text}`, dpop: proof }, ...change })
const proof = (change: Json = {}, header: Json = {}, by = agent): string => makeProof(by, proofClaims(token, change), header)
const judge = async (text: unknown, options: Partial<GuardOptions> = {}, request: object = {}): Promise<string> =>
  reasonOf(await guardWith(options).verify(dpop(token, text, request)))
const challengeOf = (verdict: Verdict) => (verdict.ok ? '' : (verdict.headers['www-authenticate'] ?? ''))

describe('a good proof', () => {
  test.each(['ES256', 'ES384', 'PS256', 'RS256', 'EdDSA', 'Ed25519'])('lets the token in, signed with %s', async alg => {
    const signer = newProofSigner(alg)
    const bound = tokenWith({ cnf: { jkt: signer.jkt } })
    expect(reasonOf(await guardWith().verify(dpop(bound, makeProof(signer, proofClaims(bound)))))).toBe('allowed')
  })
  test('counts once; a new one counts with the token that is known by then', async () => {
    const guard = guardWith()
    const first = proof()
    const verdicts = await Promise.all([1, 2, 3].map(() => guard.verify(dpop(token, first))))
    expect(verdicts.map(reasonOf).sort()).toEqual(['401 proof_already_used', '401 proof_already_used', 'allowed'])
    expect(reasonOf(await guard.verify(dpop(token, proof())))).toBe('allowed')
  })
  test('with the jti that another key used counts too', async () => {
    const guard = guardWith()
    const others = tokenWith({ cnf: { jkt: thief.jkt } })
    expect(reasonOf(await guard.verify(dpop(token, proof({ jti: 'same' }))))).toBe('allowed')
    expect(reasonOf(await guard.verify(dpop(others, makeProof(thief, proofClaims(others, { jti: 'same' })))))).toBe('allowed')
  })
  test.each(['?all=1#x', ''])('may name the address with or without query and fragment: %s', async suffix => {
    expect(await judge(proof({ htu: `HTTPS://API.example:443/v1/%66lights/42${suffix}` }))).toBe('allowed')
  })
})

describe('a bad proof is refused', () => {
  const privateJwk = agent.privateKey.export({ format: 'jwk' }) as Json
  test.each<[name: string, text: () => unknown, reason: string]>([
    ['that is not there', () => undefined, 'proof_missing'],
    ['that is empty', () => '', 'proof_malformed'],
    ['that is junk', () => 'a.b.c', 'proof_malformed'],
    ['twice in the request', () => [proof(), proof()], 'proof_malformed'],
    ['two in one header', () => `${proof()}, ${proof()}`, 'proof_malformed'],
    ['that is 9 kB long', () => proof({ pad: 'x'.repeat(9000) }), 'proof_malformed'],
    ['of typ JWT', () => proof({}, { typ: 'JWT' }), 'proof_malformed'],
    ['with crit', () => proof({}, { crit: ['b64'] }), 'proof_malformed'],
    ['without jti', () => proof({ jti: undefined }), 'proof_malformed'],
    ['with a jti of 257 characters', () => proof({ jti: 'x'.repeat(257) }), 'proof_malformed'],
    ['that is the token itself', () => token, 'proof_malformed'],
    ['for another method', () => proof({ htm: 'POST' }), 'proof_for_another'],
    ['for another path', () => proof({ htu: `${resource}/flights/43` }), 'proof_for_another'],
    ['for another host', () => proof({ htu: 'https://thief.example/v1/flights/42' }), 'proof_for_another'],
    ['with the path alone', () => proof({ htu: '/v1/flights/42' }), 'proof_for_another'],
    ['for another token', () => makeProof(agent, proofClaims(`${token}x`)), 'proof_for_another'],
    ['without ath, as for a token endpoint', () => proof({ ath: undefined }), 'proof_for_another'],
    ['without iat', () => proof({ iat: undefined }), 'proof_not_of_now'],
    ['a minute old', () => proof({ iat: nowSeconds - 60 }), 'proof_not_of_now'],
    ['eleven seconds ahead', () => proof({ iat: nowSeconds + 11 }), 'proof_not_of_now'],
    ['of the thief’s key', () => proof({}, {}, thief), 'proof_key_refused'],
    [
      'of the thief, showing the agent’s key',
      () => makeProof({ ...thief, jwk: agent.jwk }, proofClaims(token)),
      'proof_signature_invalid',
    ],
    ['with its private key', () => proof({}, { jwk: privateJwk }), 'proof_key_refused'],
    ['with alg none', () => proof({}, { alg: 'none' }), 'proof_key_refused'],
    ['with HS256', () => proof({}, { alg: 'HS256' }), 'proof_key_refused'],
    ['with ES384 for a key of P-256', () => proof({}, { alg: 'ES384' }), 'proof_key_refused'],
    ['with an alg named like a member of every object', () => proof({}, { alg: 'toString' }), 'proof_key_refused'],
  ])('%s', async (_, text, reason) => expect(await judge(text())).toBe(`401 ${reason}`))

  test('with an RSA key of 1024 bits, though the token names it', async () => {
    const weak = newProofSigner('RS256', 1024)
    const bound = tokenWith({ cnf: { jkt: weak.jkt } })
    expect(reasonOf(await guardWith().verify(dpop(bound, makeProof(weak, proofClaims(bound)))))).toBe('401 proof_key_refused')
  })
  test('and the caller learns only that: 401 invalid_dpop_proof', async () => {
    const verdict = await guardWith().verify(dpop(token, proof({ iat: 0 })))
    expect(verdict).toMatchObject({ status: 401, error: 'invalid_dpop_proof' })
    expect(challengeOf(verdict)).toMatch(/^DPoP resource_metadata="[^"]+", error="invalid_dpop_proof", .*algs="ES256 /)
    expect(JSON.stringify(verdict)).not.toContain(token.slice(-20))
  })
  test('whatever stands in its place', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json().map(text => `${btoa(encodeURI(text))}.e30.e30`),
        ),
        async text => {
          expect(await judge(text)).toMatch(/^401 proof_/)
        },
      ),
    )
  })
})

describe('no way around the proof', () => {
  test('the token as Bearer is refused, with and without proof and certificate', async () => {
    for (const headers of [{}, { dpop: proof() }]) {
      const request = requestWith(token, { headers: { authorization: `Bearer ${token}`, ...headers } })
      const verdict = await guardWith({ allowBearer: true }).verify(request)
      expect(verdict).toMatchObject({ status: 401, error: 'invalid_token', reason: 'scheme_mismatch' })
      expect(challengeOf(verdict)).toContain(', DPoP algs="')
    }
  })
  test('a token that no DPoP key binds is refused as DPoP, even with a proof', async () => {
    for (const [cnf, reason] of [
      [{ 'x5t#S256': thumbprint }, 'scheme_mismatch'],
      [undefined, 'scheme_mismatch'],
    ] as const) {
      const other = tokenWith({ cnf })
      const request = requestWith(other, {
        headers: { authorization: `DPoP ${other}`, dpop: makeProof(agent, proofClaims(other)) },
      })
      const verdict = await guardWith({ allowBearer: true }).verify(request)
      expect(reasonOf(verdict)).toBe(`401 ${reason}`)
      expect(challengeOf(verdict)).toMatch(/^DPoP .*error="invalid_token"/)
    }
  })
  test('a token bound to certificate and key needs both', async () => {
    const both = tokenWith({ cnf: { jkt: agent.jkt, 'x5t#S256': thumbprint } })
    const send = (change: object) => guardWith().verify(dpop(both, makeProof(agent, proofClaims(both)), change))
    expect(reasonOf(await send({}))).toBe('401 certificate_missing')
    expect(reasonOf(await send({ certificate: thumbprint }))).toBe('allowed')
  })
  test('the proof’s address is held against the configuration, never against Host or a forwarding header', async () => {
    const authorization = `DPoP ${token}`
    const headers = { authorization, dpop: proof({ htu: 'https://thief.example/v1/flights/42' }), host: 'thief.example' }
    const forwarded = { ...headers, 'x-forwarded-host': 'thief.example', forwarded: 'host=thief.example;proto=https' }
    expect(await judge(undefined, {}, { headers: forwarded })).toBe('401 proof_for_another')
    const url = 'https://thief.example/v1/flights/42'
    expect(await judge(undefined, {}, { headers, url })).toBe('401 proof_for_another')
  })
  test('a guard without DPoP takes no such token, and says so in no challenge', async () => {
    expect(await judge(proof(), { dpop: false })).toBe('401 proof_not_accepted')
    const verdict = await guardWith({ dpop: false }).verify(dpop(token, proof()))
    expect(challengeOf(verdict)).not.toContain('DPoP')
  })
  test('where DPoP is required, nothing else is taken', async () => {
    const required = { dpop: { required: true }, allowBearer: true }
    const verdict = await guardWith(required).verify(requestWith(tokenWith()))
    expect(reasonOf(verdict)).toBe('401 proof_missing')
    expect(challengeOf(verdict)).toMatch(/^DPoP /)
    expect(await judge(proof(), required)).toBe('allowed')
  })
})

describe('the address', () => {
  const at = (url: string, htu: string, options: Partial<GuardOptions>) => judge(proof({ htu }), options, { url })
  test('is that of the resource, also where a proxy takes its path away', async () => {
    const options = { mountPath: '/' }
    expect(await at('/flights/42', `${resource}/flights/42`, options)).toBe('allowed')
    expect(await at('/flights/42', 'https://api.example/flights/42', options)).toBe('401 proof_for_another')
  })
  test('is the public URL where that is another one', async () => {
    const options = { dpop: { publicUrl: 'https://gateway.example/orders/' } }
    expect(await at('/v1/flights/42', 'https://gateway.example/orders/flights/42', options)).toBe('allowed')
    expect(await at('/v1/flights/42', `${resource}/flights/42`, options)).toBe('401 proof_for_another')
    expect(await at('/v2/flights/42', 'https://gateway.example/v2/flights/42', options)).toBe('401 proof_for_another')
  })
  test('has no form for a path that can be read in two ways', async () => {
    for (const url of ['/v1/flights/../42', '/v1/flights/%2e%2e/42', '/v1//flights/42', '/v1/flights/4%32'])
      expect(await at(url, `https://api.example${url}`, {})).toMatch(
        url.endsWith('%32') ? /^allowed$/ : /^401 proof_for_another$/,
      )
  })
})

describe('nonces', () => {
  const secret = Buffer.alloc(32, 3)
  const nonceOf = (verdict: Verdict) => verdict.headers['dpop-nonce'] ?? ''
  test('are asked for, accepted, and handed on, by every replica with the same secret', async () => {
    const [one, two] = [guardWith({ dpop: { nonces: secret } }), guardWith({ dpop: { nonces: secret } })]
    const first = await one.verify(dpop(token, proof()))
    expect(first).toMatchObject({ status: 401, error: 'use_dpop_nonce', reason: 'proof_nonce_needed' })
    expect(challengeOf(first)).toMatch(/^DPoP .*error="use_dpop_nonce"/)
    const second = await two.verify(dpop(token, proof({ nonce: nonceOf(first) })))
    expect(reasonOf(second)).toBe('allowed')
    expect(nonceOf(second)).toMatch(/^[\w-]{22}$/)
    expect(reasonOf(await one.verify(dpop(token, proof({ nonce: 'made-up' }))))).toBe('401 proof_nonce_needed')
  })
  test('of another process are not known where there is no shared secret, and end', async () => {
    let now = nowSeconds * 1000
    const guard = guardWith({ dpop: { nonces: true }, clock: () => now })
    const nonce = nonceOf(await guard.verify(dpop(token, proof())))
    expect(await judge(proof({ nonce }), { dpop: { nonces: true } })).toBe('401 proof_nonce_needed')
    now += 600_000
    const later = tokenWith({ cnf: { jkt: agent.jkt }, exp: nowSeconds + 3600 })
    const verdict = await guard.verify(dpop(later, makeProof(agent, proofClaims(later, { nonce, iat: now / 1000 }))))
    expect(reasonOf(verdict)).toBe('401 proof_nonce_needed')
  })
  test('are not handed to who does not need them', async () => {
    expect(nonceOf(await guardWith({ dpop: { nonces: secret } }).verify(requestWith(tokenWith())))).toBe('')
    expect(nonceOf(await guardWith().verify(dpop(token, proof())))).toBe('')
  })
})

describe('used proofs', () => {
  test('a wall clock that ran ahead and is set back makes no proof new again', () => {
    let monotonicMs = 0
    const used = new UsedProofs(10, () => monotonicMs)
    expect(used.use('k', 'stolen', 60_000, 0)).toBe('first')
    expect(used.use('k', 'other', 200_000, 130_000)).toBe('first')
    expect(used.use('k', 'stolen', 60_000, 1000)).toBe('again')
    monotonicMs = 60_000
    expect(used.use('k', 'last', 120_000, 61_000)).toBe('first')
    expect(used.size).toBe(2)
  })

  test('are remembered as long as they would be accepted; a full memory refuses with 503', async () => {
    let monotonicMs = 0
    const used = new UsedProofs(2, () => monotonicMs)
    expect([used.use('k', 'a', 60_000, 0), used.use('k', 'b', 70_000, 0), used.use('k', 'c', 60_000, 0)]).toEqual([
      'first',
      'first',
      'full',
    ])
    expect(used.use('k', 'a', 60_000, 59_999)).toBe('again')
    monotonicMs = 60_000
    expect([used.use('k', 'c', 120_000, 60_000), used.size]).toEqual(['first', 2])
    const guard = guardWith({ dpop: { maxUsedProofs: 1 } })
    expect(reasonOf(await guard.verify(dpop(token, proof())))).toBe('allowed')
    const refused = await guard.verify(dpop(token, proof()))
    expect(reasonOf(refused)).toBe('503 proof_store_full')
    expect(refused.headers['retry-after']).toBe('1')
  })
  test('are not filled by proofs that do not hold, nor by tokens that do not', async () => {
    const guard = guardWith({ dpop: { maxUsedProofs: 1 } })
    for (let i = 0; i < 5; i += 1) {
      await guard.verify(dpop(token, proof({}, {}, thief)))
      await guard.verify(dpop(`${token}x`, proof()))
    }
    expect(reasonOf(await guard.verify(dpop(token, proof())))).toBe('allowed')
  })
})

test('the hash of the token is that of RFC 9449 § 4.1', () => {
  const rfcToken = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
  expect(createHash('sha256').update(rfcToken).digest('base64url')).toBe('fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo')
})

test('the metadata tells what is accepted', () => {
  const of = (options: Partial<GuardOptions>) => guardWith(options).metadata
  expect(of({})).toMatchObject({ dpop_bound_access_tokens_required: false, tls_client_certificate_bound_access_tokens: true })
  expect(of({}).dpop_signing_alg_values_supported).toContain('ES256')
  expect(of({ dpop: { required: true } })).toMatchObject({ dpop_bound_access_tokens_required: true })
  expect(of({ dpop: false })).not.toHaveProperty('dpop_signing_alg_values_supported')
})

test('refuses options that would leave it open, and needs an address for a resource that has none', async () => {
  const dpopOf = (options: object, uri = resource) => guardWith({ resource: uri, dpop: options })
  expect(() => dpopOf({ nonces: Buffer.alloc(31), maxProofAgeSeconds: 0, maxUsedProofs: 0 })).toThrow(/32 bytes.*Age.*Used/)
  expect(() => dpopOf({}, 'urn:example:orders')).toThrow('publicUrl')
  expect(dpopOf({ publicUrl: 'https://orders.example' }, 'urn:example:orders').metadata.resource).toBe('urn:example:orders')
  expect(guardWith({ resource: 'urn:x:y' }).metadata).not.toHaveProperty('dpop_signing_alg_values_supported')
})
