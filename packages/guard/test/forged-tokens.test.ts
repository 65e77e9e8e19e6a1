// Tokens that the issuer never signed, or not like this: rows 7–10 and 19 of the attack table.

import { createHmac, createPublicKey } from 'node:crypto'
import { createServer } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encode as b64,
  claimsWith,
  guardWith,
  key,
  newKey,
  reasonOf,
  requestWith,
  signature,
  signToken,
  tokenWith,
  verify,
} from './issuer.ts'

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
