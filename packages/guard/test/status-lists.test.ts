import { deflateSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import { fixedKeys } from '../src/broker/key-source.ts'
import { readList, statusAt } from '../src/status-list/read-list.ts'
import { StatusLists } from '../src/status-list/status-lists.ts'
import { encode, issuer, jwks, key, newKey, nowSeconds, signToken } from './issuer.ts'

const uri = `${issuer}/status-lists/stl_1.mac`
const lst = (...bytes: number[]): string => deflateSync(Buffer.from(bytes)).toString('base64url')
const claims = (change: object = {}) => ({
  sub: uri,
  iat: nowSeconds,
  exp: nowSeconds + 10,
  ttl: 5,
  status_list: { bits: 1, lst: lst(0b0000_0010, 0) },
  ...change,
})
const listWith = (change: object = {}, header: object = {}) => signToken(claims(change), { typ: 'statuslist+jwt', ...header })

describe('a list', () => {
  test('is read as the specification’s example says (draft-ietf-oauth-status-list-21 § 4.1, bits b9 a3)', async () => {
    const text = listWith({ status_list: { bits: 1, lst: 'eNrbuRgAAhcBXQ' } })
    const list = (await readList(text, uri, fixedKeys(jwks)))!
    expect(list.bytes.toString('hex')).toBe('b9a3')
    const statuses = Array.from({ length: 17 }, (_, idx) => statusAt(list, idx))
    expect(statuses).toEqual([1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1, undefined])
  })

  test.each([
    [2, [0b1110_0100], [0, 1, 2, 3, undefined]],
    [4, [0xa5, 0x0f], [5, 10, 15, 0, undefined]],
    [8, [7, 255], [7, 255, undefined]],
  ])('with %i bits a place is read from its lowest bits on', (bits, bytes, statuses) => {
    expect(statuses.map((_, idx) => statusAt({ bits, bytes: Buffer.from(bytes) }, idx))).toEqual(statuses)
  })

  test.each([
    ['is no JWS', 'nonsense'],
    ['is an access token', listWith({}, { typ: 'at+jwt' })],
    ['is of another address', listWith({ sub: `${uri}2` })],
    ['is signed by a stranger', signToken(claims(), { typ: 'statuslist+jwt' }, newKey('k1'))],
    ['is signed by a key that the issuer has not', signToken(claims(), { typ: 'statuslist+jwt' }, newKey('k2'))],
    ['names another algorithm', listWith({}, { alg: 'RS256' })],
    ['names none', listWith({}, { alg: 'none' })],
    ['brings a key along', listWith({}, { jwk: key.jwk })],
    ['is compressed as a whole', listWith({}, { zip: 'DEF' })],
    ['has no end', listWith({ exp: undefined })],
    ['has no ttl', listWith({ ttl: undefined })],
    ['has three bits', listWith({ status_list: { bits: 3, lst: lst(0) } })],
    ['is not packed', listWith({ status_list: { bits: 1, lst: encode('xx') } })],
    [
      'unpacks to more than anyone needs',
      listWith({ status_list: { bits: 1, lst: deflateSync(Buffer.alloc(1 << 20)).toString('base64url') } }),
    ],
    ['names a member twice', signToken(JSON.stringify(claims()).replace('{', `{"sub":"${uri}",`), { typ: 'statuslist+jwt' })],
  ])('that %s is none', async (_, text) => {
    expect(await readList(text, uri, fixedKeys(jwks))).toBeUndefined()
  })
})

describe('a token in a list', () => {
  let ms: number
  let served: () => Promise<string>
  let fetched: string[]
  let lists: StatusLists
  beforeEach(() => {
    ms = nowSeconds * 1000
    fetched = []
    served = async () => listWith({ iat: ms / 1000, exp: ms / 1000 + 10 })
    lists = new StatusLists({
      issuer,
      findKey: fixedKeys(jwks),
      fetchText: address => {
        fetched.push(address)
        return served()
      },
      maxStaleMs: 10_000,
      wallMs: () => ms,
      monotonicMs: () => ms,
    })
  })
  const at = (idx: number, address = uri) => lists.isRevoked({ idx, uri: address })

  test('is valid, or revoked, or beyond its end unknown', async () => {
    expect([await at(0), await at(1), await at(15), await at(16)]).toEqual(['valid', 'revoked', 'valid', 'unknown'])
  })

  test('is revoked by any status but 0', async () => {
    served = async () => listWith({ status_list: { bits: 2, lst: lst(0b11_10_01_00) } })
    expect([await at(0), await at(1), await at(2), await at(3)]).toEqual(['valid', 'revoked', 'revoked', 'revoked'])
  })

  test('asks once, however many ask at a time', async () => {
    await Promise.all(Array.from({ length: 50 }, () => at(0)))
    expect(fetched).toEqual([uri])
  })

  test.each([
    ['another host', 'https://evil.example/status-lists/x'],
    ['a host that begins like the issuer’s', `${issuer}.evil.example/x`],
    ['a user before another host', `${issuer}@evil.example/x`],
    ['plain http', uri.replace('https', 'http')],
    ['a way out of the issuer’s path', `${issuer}/a/../../x`],
    ['nothing', ''],
  ])('is not looked for at %s', async (_, address) => {
    expect(await at(0, address)).toBe('unknown')
    expect(fetched).toEqual([])
  })

  test('is looked up anew once the ttl is over, and then waits for the answer', async () => {
    expect(await at(3)).toBe('valid')
    served = async () => listWith({ iat: ms / 1000, exp: ms / 1000 + 10, status_list: { bits: 1, lst: lst(0b1000) } })
    ms += 2000
    expect(await at(3)).toBe('valid')
    expect(fetched).toHaveLength(1)
    ms += 4000
    expect(await at(3)).toBe('revoked')
    expect(fetched).toHaveLength(2)
  })

  test('uses an old list until the bound while none can be read, and asks no more than once a second', async () => {
    expect(await at(0)).toBe('valid')
    served = () => Promise.reject(new Error('unreachable'))
    ms += 6000
    expect([await at(0), await at(1)]).toEqual(['valid', 'revoked'])
    expect(fetched).toHaveLength(2)
    ms += 3990
    expect(await at(0)).toBe('valid')
    ms += 20
    expect([await at(0), await at(1)], 'beyond the bound nothing is known').toEqual(['unknown', 'unknown'])
    served = async () => listWith({ iat: ms / 1000, exp: ms / 1000 + 10 })
    ms += 1001
    expect(await at(0)).toBe('valid')
  })

  test.each([
    ['that has ended', () => ({ iat: ms / 1000 - 11, exp: ms / 1000 - 1 })],
    ['that is older than the bound, whatever its end says', () => ({ iat: ms / 1000 - 11, exp: ms / 1000 + 60 })],
    ['from further ahead than clocks may differ', () => ({ iat: ms / 1000 + 6, exp: ms / 1000 + 60 })],
  ])('is unknown by a list %s', async (_, times) => {
    served = async () => listWith(times())
    expect(await at(0)).toBe('unknown')
  })

  test('does not become good again by an older list', async () => {
    expect(await at(1)).toBe('revoked')
    served = async () => listWith({ iat: nowSeconds - 5, exp: nowSeconds + 60, status_list: { bits: 1, lst: lst(0) } })
    ms += 6000
    expect(await at(1)).toBe('revoked')
  })

  test('is unknown while the issuer’s keys cannot be had', async () => {
    const keyless = new StatusLists({
      issuer,
      findKey: () => Promise.reject(new Error('unreachable')),
      fetchText: () => served(),
      maxStaleMs: 10_000,
      wallMs: () => ms,
    })
    expect(await keyless.isRevoked({ idx: 0, uri })).toBe('unknown')
  })
})
