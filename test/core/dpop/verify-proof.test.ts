import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { DpopNonces } from '#core/dpop/nonces.ts'
import { dpopAlgorithms } from '#core/dpop/proof-key.ts'
import { type ExpectedProof, verifyDpopProof } from '#core/dpop/verify-proof.ts'
import { makeProof, newProofSigner } from './proof-maker.ts'

const url = 'https://broker.example/t/acme/token'
const nowSeconds = 1_795_305_600
const expected: ExpectedProof = { method: 'POST', url, nowMs: nowSeconds * 1000, requireNonce: false }
const signer = newProofSigner()
const nonces = new DpopNonces(Buffer.alloc(32, 7))

type Json = Record<string, unknown>
const claims = (change: Json = {}): Json => ({ jti: 'proof-1', htm: 'POST', htu: url, iat: nowSeconds, ...change })
const proof = (change: Json = {}, header: Json = {}): string => makeProof(signer, claims(change), header)
const verdictOf = async (text: string, change: Partial<ExpectedProof> = {}): Promise<string> => {
  const result = await verifyDpopProof(text, { ...expected, ...change })
  return result.ok ? 'ok' : `${result.code} ${result.reason}`
}

describe('a good proof', () => {
  test('gives the thumbprint of its key, what must not come twice, and until when', async () => {
    expect(await verifyDpopProof(proof(), expected)).toEqual({
      ok: true,
      jkt: await calculateJwkThumbprint(signer.jwk as never),
      jti: 'proof-1',
      iatSeconds: nowSeconds,
      use: [await calculateJwkThumbprint(signer.jwk as never), 'proof-1'],
      expiresSeconds: nowSeconds + 60,
    })
  })

  test.each(dpopAlgorithms)('may be signed with %s', async alg => {
    const own = newProofSigner(alg)
    const result = await verifyDpopProof(makeProof(own, claims()), expected)
    expect(result).toMatchObject({ ok: true, jkt: await calculateJwkThumbprint(own.jwk as never) })
  })

  test.each(['ES256', 'ES384', 'PS256', 'RS256', 'EdDSA'])('of another library is read, %s', async alg => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    const jwk = await exportJWK(publicKey)
    const text = await new SignJWT(claims()).setProtectedHeader({ typ: 'dpop+jwt', alg, jwk }).sign(privateKey)
    expect(await verdictOf(text)).toBe('ok')
  })

  test('of RFC 9449 § 4.1 and its thumbprint of § 6.1 are reproduced', async () => {
    const jwk = {
      kty: 'EC',
      x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
      y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
      crv: 'P-256',
    }
    expect(await calculateJwkThumbprint(jwk)).toBe('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I')
    const text =
      'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg'
    const at = { method: 'POST', url: 'https://server.example.com/token', nowMs: 1_562_262_616_000, requireNonce: false }
    expect(await verifyDpopProof(text, at)).toMatchObject({ ok: true, jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' })
    expect(await verifyDpopProof(text, { ...at, url: 'https://server.example.com/tokens' })).toMatchObject({ ok: false })
  })

  test.each([
    ['query and fragment', `${url}?a=b#c`],
    ['the host in capitals', url.replace('broker.example', 'BROKER.Example')],
    ['the default port', url.replace('broker.example', 'broker.example:443')],
    ['an escape that needs none', url.replace('acme', '%61cme')],
    ['dot segments', url.replace('/token', '/x/../token')],
  ])('may spell the address with %s', async (_, htu) => expect(await verdictOf(proof({ htu }))).toBe('ok'))

  test('may be ten seconds ahead and not quite a minute old', async () => {
    expect(await verdictOf(proof({ iat: nowSeconds + 10 }))).toBe('ok')
    expect(await verdictOf(proof({ iat: nowSeconds - 59.9 }))).toBe('ok')
  })
})

describe('a bad proof is refused', () => {
  const other = newProofSigner()
  const bits = (text: string): string => `${text.slice(0, -6)}${text.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA'}`
  const rsa = newProofSigner('RS256')
  test.each<[name: string, text: () => string, reason: string]>([
    ['that is empty', () => '', 'malformed_proof'],
    ['two in one header', () => `${proof()}, ${proof()}`, 'malformed_proof'],
    ['of 9 kB', () => proof({ pad: 'x'.repeat(9000) }), 'malformed_proof'],
    ['without signature', () => proof().replace(/[^.]+$/, ''), 'malformed_proof'],
    ['with crit', () => proof({}, { crit: ['x'], x: 1 }), 'malformed_proof'],
    ['of typ JWT', () => proof({}, { typ: 'JWT' }), 'wrong_typ'],
    ['of typ at+jwt', () => proof({}, { typ: 'at+jwt' }), 'wrong_typ'],
    ['without typ', () => proof({}, { typ: undefined }), 'wrong_typ'],
    ['with alg none', () => proof({}, { alg: 'none' }), 'key_refused'],
    ['with HS256', () => proof({}, { alg: 'HS256', jwk: { kty: 'oct', k: 'c2VjcmV0' } }), 'key_refused'],
    ['with an alg named like a member of every object', () => proof({}, { alg: 'toString' }), 'key_refused'],
    ['on secp256k1', () => makeProof(newProofSigner('ES256K'), claims()), 'key_refused'],
    ['without key', () => proof({}, { jwk: undefined }), 'key_refused'],
    ['with a list of keys', () => proof({}, { jwk: [signer.jwk] }), 'key_refused'],
    ['with its private key', () => proof({}, { jwk: signer.privateKey.export({ format: 'jwk' }) as Json }), 'key_refused'],
    ['with an empty private member', () => proof({}, { jwk: { ...signer.jwk, d: '' } }), 'key_refused'],
    ['with a key of another kind than its alg', () => proof({}, { jwk: rsa.jwk }), 'key_refused'],
    ['with a key for encryption', () => proof({}, { jwk: { ...signer.jwk, use: 'enc' } }), 'key_refused'],
    ['with a key for signing only', () => proof({}, { jwk: { ...signer.jwk, key_ops: ['sign'] } }), 'key_refused'],
    ['with a key for another alg', () => proof({}, { jwk: { ...signer.jwk, alg: 'ES384' } }), 'key_refused'],
    ['with a point that is not on the curve', () => proof({}, { jwk: { ...signer.jwk, y: other.jwk['y'] } }), 'key_refused'],
    ['with a key written with padding', () => proof({}, { jwk: { ...signer.jwk, x: `${signer.jwk['x']}=` } }), 'key_refused'],
    [
      'with an RSA modulus that begins with zeros',
      () => makeProof({ ...rsa, jwk: { ...rsa.jwk, n: `AAAA${rsa.jwk['n']}` } }, claims()),
      'key_refused',
    ],
    ['with an RSA key of 1024 bits', () => makeProof(newProofSigner('RS256', 1024), claims()), 'key_refused'],
    ['signed with another key', () => makeProof({ ...other, jwk: signer.jwk }, claims()), 'bad_signature'],
    ['with a changed signature', () => bits(proof()), 'bad_signature'],
    [
      'with a changed payload',
      () => {
        const [head, , sign] = proof().split('.')
        return `${head}.${Buffer.from(JSON.stringify(claims({ jti: 'proof-2' }))).toString('base64url')}.${sign}`
      },
      'bad_signature',
    ],
    ['RS256 shown as PS256', () => makeProof({ ...rsa, alg: 'RS256' }, claims(), { alg: 'PS256' }), 'bad_signature'],
    ['for another method', () => proof({ htm: 'GET' }), 'wrong_method'],
    ['for the method in small letters', () => proof({ htm: 'post' }), 'wrong_method'],
    ['without htm', () => proof({ htm: undefined }), 'wrong_method'],
    ['without htu', () => proof({ htu: undefined }), 'wrong_target'],
    ['for another path', () => proof({ htu: `${url}/` }), 'wrong_target'],
    ['for another tenant', () => proof({ htu: url.replace('acme', 'other') }), 'wrong_target'],
    ['for another host', () => proof({ htu: url.replace('broker', 'thief') }), 'wrong_target'],
    ['for another port', () => proof({ htu: url.replace('.example', '.example:8443') }), 'wrong_target'],
    ['for http', () => proof({ htu: url.replace('https', 'http') }), 'wrong_target'],
    ['for a host behind a user', () => proof({ htu: 'https://broker.example@thief.example/t/acme/token' }), 'wrong_target'],
    ['for the host as a user', () => proof({ htu: 'https://thief@broker.example/t/acme/token' }), 'wrong_target'],
    ['with backslashes', () => proof({ htu: 'https:\\\\broker.example\\t\\acme\\token' }), 'wrong_target'],
    ['with a line break in it', () => proof({ htu: url.replace('acme', 'ac\nme') }), 'wrong_target'],
    ['with an escaped slash', () => proof({ htu: url.replace('/token', '%2Ftoken') }), 'wrong_target'],
    ['with a path alone', () => proof({ htu: '/t/acme/token' }), 'wrong_target'],
    ['without iat', () => proof({ iat: undefined }), 'missing_claim'],
    ['with iat as text', () => proof({ iat: String(nowSeconds) }), 'missing_claim'],
    ['eleven seconds ahead', () => proof({ iat: nowSeconds + 11 }), 'issued_in_future'],
    ['a minute old', () => proof({ iat: nowSeconds - 60 }), 'too_old'],
    ['with milliseconds for seconds', () => proof({ iat: nowSeconds * 1000 }), 'issued_in_future'],
    ['without jti', () => proof({ jti: undefined }), 'missing_claim'],
    ['with an empty jti', () => proof({ jti: '' }), 'missing_claim'],
    ['with a jti of 257 characters', () => proof({ jti: 'x'.repeat(257) }), 'missing_claim'],
    ['with a jti that is a number', () => proof({ jti: 1 }), 'missing_claim'],
  ])('%s', async (_, text, reason) => expect(await verdictOf(text())).toBe(`invalid_dpop_proof ${reason}`))

  test('and no hint quotes it', async () => {
    for (const change of [{ htm: 'secret' }, { htu: 'https://secret.example' }, { iat: 'secret' }, { nonce: 'secret' }]) {
      const result = await verifyDpopProof(proof(change), { ...expected, nonces, requireNonce: true })
      expect(JSON.stringify(result)).not.toContain('secret')
    }
  })

  test('at a time that is no number', async () => {
    expect(await verdictOf(proof(), { nowMs: Number.NaN })).toBe('invalid_dpop_proof issued_in_future')
  })
})

describe('at a resource', () => {
  const accessToken = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
  test('ath is the hash of the token that comes with the proof, as in RFC 9449 § 4.1', async () => {
    const ath = 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo'
    expect(createHash('sha256').update(accessToken).digest('base64url')).toBe(ath)
    expect(await verdictOf(proof({ ath }), { accessToken })).toBe('ok')
    for (const bad of [undefined, '', accessToken, `${ath}=`, ath.slice(1)])
      expect(await verdictOf(proof({ ath: bad }), { accessToken })).toBe('invalid_dpop_proof wrong_token')
    expect(await verdictOf(proof({ ath }), { accessToken: 'another' })).toBe('invalid_dpop_proof wrong_token')
  })
})

describe('nonces', () => {
  const nonce = nonces.issue(expected.nowMs)
  test.each<[name: string, given: unknown, options: Partial<ExpectedProof>, verdict: string]>([
    ['demanded and given', nonce, { nonces, requireNonce: true }, 'ok'],
    ['demanded and missing', undefined, { nonces, requireNonce: true }, 'use_dpop_nonce nonce_missing'],
    ['demanded and another', 'made-up', { nonces, requireNonce: true }, 'use_dpop_nonce nonce_refused'],
    ['demanded and of another kind', 7, { nonces, requireNonce: true }, 'use_dpop_nonce nonce_refused'],
    ['demanded where none are issued', nonce, { requireNonce: true }, 'use_dpop_nonce nonce_refused'],
    ['not demanded and missing', undefined, { nonces }, 'ok'],
    ['not demanded, but wrong', 'made-up', { nonces }, 'use_dpop_nonce nonce_refused'],
    ['not issued at all, and that of another server', 'made-up', {}, 'ok'],
  ])('%s', async (_, given, options, verdict) => expect(await verdictOf(proof({ nonce: given }), options)).toBe(verdict))
})

test('no text at all makes it throw or pass', async () => {
  const [head = '', body = '', sign = ''] = proof().split('.')
  const part = (own: string) =>
    fc.oneof(
      fc.constant(own),
      fc.base64String(),
      fc.json().map(text => Buffer.from(text).toString('base64url')),
    )
  const texts = fc.oneof(
    fc.string(),
    fc.tuple(part(head), part(body), part(sign)).map(parts => parts.join('.')),
  )
  await fc.assert(
    fc.asyncProperty(texts, async text => {
      const result = await verifyDpopProof(text, expected)
      expect(result.ok).toBe(text === `${head}.${body}.${sign}`)
    }),
  )
})

test('no other value of any member of header or payload makes a bad proof good', async () => {
  const values = fc.jsonValue({ maxDepth: 2 })
  const payloadNames = ['jti', 'htm', 'htu', 'iat', 'nonce', 'ath']
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('typ', 'alg', 'jwk', ...payloadNames), values, async (name, value) => {
      const inPayload = payloadNames.includes(name)
      const text = inPayload ? proof({ [name]: value }) : proof({}, { [name]: value })
      const result = await verifyDpopProof(text, { ...expected, nonces, requireNonce: true })
      expect(result.ok).toBe(false)
    }),
  )
})
