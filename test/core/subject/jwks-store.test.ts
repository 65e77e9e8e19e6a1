import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { openIdSource } from './snapshot.ts'

const minute = 60_000
const source = openIdSource()
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwkOf = (key: KeyObject, members: Record<string, unknown> = {}) => ({ ...key.export({ format: 'jwk' }), ...members })
const good = jwkOf(ec.publicKey, { kid: 'k1' })

let answer: () => Promise<unknown>
let fetches: number
let store: JwksStore
beforeEach(() => {
  fetches = 0
  answer = async () => ({ keys: [good] })
  store = new JwksStore(() => {
    fetches++
    return answer()
  })
})
afterEach(() => vi.useRealTimers())

const find = (nowMs: number, kid: string | undefined = 'k1', alg = 'ES256') => store.find(source, kid, alg, nowMs)
const fail = async (): Promise<never> => {
  throw new Error('unreachable')
}

describe('fetching', () => {
  test('happens once for all who ask at the same time', async () => {
    const found = await Promise.all(Array.from({ length: 50 }, () => find(0)))
    expect(found.every(key => key?.alg === 'ES256')).toBe(true)
    expect(fetches).toBe(1)
  })

  test('is not repeated for a known key while it is fresh', async () => {
    for (let nowMs = 0; nowMs <= 10 * minute; nowMs += 1_000) await find(nowMs)
    expect(fetches).toBe(1)
    await find(10 * minute + 1)
    expect(fetches).toBe(2)
  })

  test('for an unknown kid waits for the cool-down, however many ask', async () => {
    await find(0)
    for (let n = 0; n < 100; n++) expect(await find(n * 150, `invented-${n}`)).toBeUndefined()
    expect(fetches).toBe(1)
    await Promise.all([find(15_001, 'a'), find(15_001, 'b')])
    expect(fetches).toBe(2)
    await find(15_002, 'c')
    expect(fetches).toBe(2)
  })

  test('finds a key that the issuer added, after the cool-down', async () => {
    await find(0)
    answer = async () => ({ keys: [good, { ...good, kid: 'k2' }] })
    expect(await find(15_000, 'k2')).toBeUndefined()
    expect(await find(15_001, 'k2')).toBeDefined()
  })

  test('forgets a key that the issuer withdrew, when it is asked next', async () => {
    await find(0)
    answer = async () => ({ keys: [] })
    expect(await find(10 * minute + 1)).toBeUndefined()
  })

  test('is separate for each trust source and for each place of its keys', async () => {
    await store.find(source, 'k1', 'ES256', 0)
    await store.find(openIdSource({ id: 'other' }), 'k1', 'ES256', 0)
    await store.find(openIdSource({ jwksUri: 'https://ci.example/keys' }), 'k1', 'ES256', 0)
    await store.find(openIdSource({ caPem: 'pem' }), 'k1', 'ES256', 0)
    expect(fetches).toBe(4)
  })
})

describe('an issuer that fails', () => {
  test('from the start is unavailable, asked again after the cool-down only, and says until when', async () => {
    answer = fail
    await expect(find(0)).rejects.toMatchObject({
      code: 'trust_source_unavailable',
      retryAfterSeconds: 15,
      cause: new Error('unreachable'),
    })
    await expect(find(14_000)).rejects.toMatchObject({ code: 'trust_source_unavailable', retryAfterSeconds: 1 })
    expect(fetches).toBe(1)
    answer = async () => ({ keys: [good] })
    expect(await find(15_001)).toBeDefined()
  })

  test('later keeps its known keys for an hour, and then they count no more', async () => {
    await find(0)
    answer = fail
    for (let nowMs = 10 * minute + 1; nowMs <= 60 * minute; nowMs += minute) expect(await find(nowMs), `${nowMs}`).toBeDefined()
    await expect(find(60 * minute + 1)).rejects.toMatchObject({ code: 'trust_source_unavailable' })
    answer = async () => ({ keys: [good] })
    expect(await find(61 * minute + 20_000)).toBeDefined()
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['an error page', { error: 'x' }],
    ['keys that are no list', { keys: {} }],
    ['null', null],
  ])('by answering %s keeps its known keys', async (_, document) => {
    await find(0)
    answer = async () => document
    expect(await find(11 * minute)).toBeDefined()
  })

  test('by hanging keeps nobody waiting longer than 800 ms, and after its failure nobody at all', async () => {
    vi.useFakeTimers()
    const hung = Promise.withResolvers<unknown>()
    answer = () => hung.promise
    const first = expect(find(0)).rejects.toMatchObject({ code: 'trust_source_unavailable' })
    await vi.advanceTimersByTimeAsync(800)
    await first
    hung.resolve({ keys: [good] })
    await vi.advanceTimersByTimeAsync(0)
    expect(await find(1)).toBeDefined()

    answer = fail
    await find(11 * minute)
    answer = () => new Promise(() => {})
    // No timer is advanced from here on: whoever waits, waits for ever.
    for (let n = 1; n < 20; n++) expect(await find(11 * minute + n * 15_001)).toBeDefined()
    expect(fetches).toBe(3)
  })
})

describe('keys that verify nothing', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const koblitz = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const x25519 = generateKeyPairSync('x25519')

  test.each<[name: string, jwk: unknown, alg: string]>([
    ['a symmetric key', { kty: 'oct', k: 'AAAA', kid: 'k1', alg: 'HS256' }, 'HS256'],
    ['a symmetric key that says ES256', { kty: 'oct', k: 'AAAA', kid: 'k1', alg: 'ES256' }, 'ES256'],
    ['a private key', jwkOf(ec.privateKey, { kid: 'k1' }), 'ES256'],
    ['a key for encryption', { ...good, use: 'enc' }, 'ES256'],
    ['a key of unknown use', { ...good, use: 1 }, 'ES256'],
    ['a key whose operations do not name verify', { ...good, key_ops: ['encrypt'] }, 'ES256'],
    ['an RSA key of 1024 bits', jwkOf(weak.publicKey, { kid: 'k1' }), 'RS256'],
    ['an RSA key whose exponent is slow on purpose', jwkOf(rsa.publicKey, { kid: 'k1', e: 'AQAAAAE' }), 'RS256'],
    ['an RSA key of 16384 bits', jwkOf(rsa.publicKey, { kid: 'k1', n: Buffer.alloc(2048, 0xff).toString('base64url') }), 'RS256'],
    ['an RSA key used with another family', jwkOf(rsa.publicKey, { kid: 'k1' }), 'ES256'],
    ['an RSA key used with another algorithm than its own', jwkOf(rsa.publicKey, { kid: 'k1', alg: 'RS256' }), 'PS256'],
    ['an EC key used with another curve’s algorithm', good, 'ES384'],
    ['a curve that no algorithm here uses', jwkOf(koblitz.publicKey, { kid: 'k1' }), 'ES256'],
    ['a key for key agreement', jwkOf(x25519.publicKey, { kid: 'k1' }), 'EdDSA'],
    ['a public key used as a secret', jwkOf(rsa.publicKey, { kid: 'k1' }), 'HS256'],
    ['any key with none', good, 'none'],
    ['any key with the algorithm in lower case', good, 'es256'],
    ['a key that is no key', { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'k1' }, 'ES256'],
    ['text', 'k1', 'ES256'],
    ['null', null, 'ES256'],
  ])('%s', async (_, jwk, alg) => {
    answer = async () => ({ keys: [jwk] })
    expect(await find(0, 'k1', alg)).toBeUndefined()
  })

  test('do not keep the good ones beside them from being found', async () => {
    answer = async () => ({ keys: [null, 'x', { kty: 'oct' }, { kty: 'EC' }, good] })
    expect(await find(0)).toBeDefined()
  })

  test('are those beyond the sixty-fourth', async () => {
    answer = async () => ({ keys: [...Array.from({ length: 64 }, (_, n) => ({ ...good, kid: `other-${n}` })), good] })
    expect(await find(0)).toBeUndefined()
  })
})

describe('a token without kid', () => {
  const other = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, { kid: 'k2' })

  test('is verified by the only key of its algorithm, and by none where there are two', async () => {
    answer = async () => ({ keys: [good, jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey, { kid: 'r' })] })
    expect(await store.find(source, undefined, 'ES256', 0)).toBeDefined()
    answer = async () => ({ keys: [good, other] })
    expect(await store.find(source, undefined, 'ES256', 11 * minute)).toBeUndefined()
  })
})
