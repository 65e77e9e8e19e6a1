import fc from 'fast-check'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import { parseCompactJwt } from '#core/jwt/parse-compact.ts'

const b64 = (text: string | Buffer): string => Buffer.from(text).toString('base64url')
const token = (header: string, payload = '{"sub":"a"}', signature: string | Buffer = 'signature'): string =>
  `${b64(header)}.${b64(payload)}.${b64(signature)}`
const good = token('{"alg":"ES256"}')

const reasonOf = (text: string): string | undefined => {
  const result = parseCompactJwt(text)
  return result.ok ? undefined : result.reason
}

describe('what is refused', () => {
  test.each<[name: string, text: string, reason: RegExp]>([
    ['nothing', '', /three parts/],
    ['two parts', good.split('.').slice(0, 2).join('.'), /three parts/],
    ['four parts', `${good}.x`, /three parts/],
    ['a JWE of five parts', 'a.b.c.d.e', /three parts/],
    ['the JSON serialization (RFC 8725 § 3)', '{"payload":"e30","signatures":[]}', /three parts/],
    ['an empty header', `.${good.split('.')[1]}.c2ln`, /not base64url/],
    ['an empty payload', `${good.split('.')[0]}..c2ln`, /not base64url/],
    ['an empty signature, as of an unsecured JWT', `${good.split('.').slice(0, 2).join('.')}.`, /not base64url/],
    ['padding', `${good}=`, /not base64url/],
    ['the alphabet of plain base64', good.replace(/.$/, '+'), /not base64url/],
    ['a space in front', ` ${good}`, /not base64url/],
    ['a line break behind', `${good}\n`, /not base64url/],
    ['bits behind the last byte, a second spelling of the same', good.replace(/[^.]+$/, 'AR'), /not base64url/],
    ['a header that is no JSON', token('{'), /header is not a JSON object/],
    ['a header that is an array', token('["ES256"]'), /header is not a JSON object/],
    ['a header that is null', token('null'), /header is not a JSON object/],
    ['a doubled member in the header', token('{"alg":"none","alg":"ES256"}'), /header .* without doubled members/],
    ['a member doubled by an escape', token('{"alg":"ES256","\\u0061lg":"none"}'), /header .* without doubled members/],
    ['a header with __proto__', token('{"alg":"ES256","__proto__":{}}'), /header/],
    ['a payload that is text', token('{"alg":"ES256"}', '"a"'), /payload is not a JSON object/],
    ['a doubled claim', token('{"alg":"ES256"}', '{"sub":"a","sub":"b"}'), /payload .* without doubled members/],
    ['a doubled claim deep inside', token('{"alg":"ES256"}', '{"a":{"b":1,"b":2}}'), /payload .* without doubled members/],
    ['a payload with a byte order mark', token('{"alg":"ES256"}', '\ufeff{"sub":"a"}'), /payload/],
    ['a payload that is no UTF-8', `${b64('{"alg":"ES256"}')}.${b64(Buffer.from([0x7b, 0xff, 0x7d]))}.c2ln`, /payload/],
    ['a payload with half a surrogate pair', token('{"alg":"ES256"}', '{"sub":"\\ud800"}'), /payload/],
    ['a payload nested too deep', token('{"alg":"ES256"}', `{"a":${'['.repeat(50)}${']'.repeat(50)}}`), /payload/],
    ['text behind the payload', token('{"alg":"ES256"}', '{"sub":"a"} {}'), /payload/],
    ['no algorithm', token('{}'), /names no algorithm/],
    ['an algorithm that is a list', token('{"alg":["ES256"]}'), /names no algorithm/],
    ['a kid that is an object', token('{"alg":"ES256","kid":{}}'), /kid is not a string/],
    ['a typ that is null', token('{"alg":"ES256","typ":null}'), /typ is not a string/],
    ['crit', token('{"alg":"ES256","crit":["exp"]}'), /holds crit/],
    ['b64', token('{"alg":"ES256","b64":false}'), /holds b64/],
    ['zip', token('{"alg":"ES256","zip":"DEF"}'), /holds zip/],
    ['a p2c bomb', token('{"alg":"PBES2-HS512+A256KW","p2c":2147483647}'), /holds p2c/],
    ['enc', token('{"alg":"ES256","enc":"A256GCM"}'), /holds enc/],
    ['more than 16 KiB (threats 5)', token('{"alg":"ES256"}', JSON.stringify({ a: 'x'.repeat(13_000) })), /longer than 16 KiB/],
    ['a megabyte of dots', '.'.repeat(1_000_000), /longer than 16 KiB/],
  ])('%s', (_, text, reason) => {
    expect(reasonOf(text)).toMatch(reason)
  })

  test('is never quoted back in the reason', () => {
    for (const text of [
      'secret.secret.secret',
      token('{"alg":"ES256","secret":1,"secret":2}'),
      token('{"alg":1}', '{"a":"secret"}'),
    ])
      expect(reasonOf(text)).not.toContain('secret')
  })
})

describe('what is read', () => {
  test('is header, payload, what the signature is over, and the signature', () => {
    const result = parseCompactJwt(
      token('{"alg":"ES256","kid":"k","typ":"JWT","jku":"https://evil.example"}', '{"sub":"a","n":1.5}', Buffer.from([1, 2])),
    )
    expect(result).toEqual({
      ok: true,
      jwt: {
        header: { alg: 'ES256', kid: 'k', typ: 'JWT', jku: 'https://evil.example' },
        payload: { sub: 'a', n: 1.5 },
        signed: expect.stringMatching(/^[\w-]+\.[\w-]+$/),
        signature: Buffer.from([1, 2]),
      },
    })
  })

  test('every token that jose would write is accepted, and read as jose reads it', () => {
    const json = fc
      .jsonValue({ maxDepth: 3 })
      .filter(value => JSON.stringify(value).isWellFormed() && !JSON.stringify(value).includes('__proto__'))
    const claims = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), json, { maxKeys: 6 })
    fc.assert(
      fc.property(claims, fc.uint8Array({ minLength: 1, maxLength: 64 }), (payload, signature) => {
        const text = token('{"alg":"ES256","kid":"k"}', JSON.stringify(payload), Buffer.from(signature))
        const result = parseCompactJwt(text)
        expect(result.ok && result.jwt.payload).toEqual(JSON.parse(JSON.stringify(payload)))
        expect(result.ok && { ...result.jwt.header, typ: undefined }).toEqual({ ...decodeProtectedHeader(text), typ: undefined })
        if (Object.keys(payload).length > 0) expect(result.ok && result.jwt.payload).toEqual(decodeJwt(text))
      }),
    )
  })

  test('whatever is accepted is what jose reads: no text has two meanings', () => {
    const base = token('{"alg":"ES256","kid":"k"}', '{"sub":"a","aud":["b"],"exp":1}')
    const damage = fc.array(fc.tuple(fc.nat(base.length), fc.nat(2), fc.constantFrom(...'.-_=+/ \n{}"AZaz09é')), { maxLength: 4 })
    fc.assert(
      fc.property(damage, changes => {
        let text = base
        for (const [at, remove, insert] of changes) text = `${text.slice(0, at)}${insert}${text.slice(at + remove)}`
        const result = parseCompactJwt(text)
        if (!result.ok) return
        expect(result.jwt.payload).toEqual(decodeJwt(text))
        expect(decodeProtectedHeader(text)).toMatchObject({ alg: result.jwt.header.alg })
        expect(`${result.jwt.signed}.${result.jwt.signature.toString('base64url')}`).toBe(text)
      }),
      { numRuns: 1_000 },
    )
  })

  test('no text at all makes it throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.tuple(fc.string(), fc.string(), fc.string()).map(parts => parts.map(b64).join('.')),
        ),
        text => {
          parseCompactJwt(text)
        },
      ),
      { numRuns: 500 },
    )
  })
})
