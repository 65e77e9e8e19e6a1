import { generateKeyPairSync } from 'node:crypto'
import { base58 } from '@scure/base'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readVerificationMethods } from '#core/did/did-document.ts'
import { readDidKey } from '#core/did/did-key.ts'
import { parseDid } from '#core/did/parse-did.ts'
import { didKeyOf } from './did-world.ts'

describe('did:web', () => {
  test.each([
    ['did:web:example.com', 'https://example.com/.well-known/did.json'],
    ['did:web:example.com:agents:one', 'https://example.com/agents/one/did.json'],
    ['did:web:example.com%3A8443', 'https://example.com:8443/.well-known/did.json'],
    ['did:web:localhost%3A8443:agents:one', 'https://localhost:8443/agents/one/did.json'],
    ['did:web:xn--bcher-kva.example', 'https://xn--bcher-kva.example/.well-known/did.json'],
  ])('%s has its document at %s', (did, documentUrl) => {
    expect(parseDid(did)).toEqual({ method: 'did:web', did, documentUrl })
  })

  test.each([
    ['nothing', ''],
    ['another method', 'did:example:abc'],
    ['no host', 'did:web:'],
    ['an IPv4 address', 'did:web:127.0.0.1'],
    ['an IPv4 address as one number', 'did:web:2130706433'],
    ['an IPv4 address in hexadecimal', 'did:web:0x7f.1'],
    ['an IPv6 address', 'did:web:%5B%3A%3A1%5D'],
    ['a port that is not escaped', 'did:web:example.com:8443/x'],
    ['an escape in small letters', 'did:web:example.com%3a8443'],
    ['a port that every https URL has', 'did:web:example.com%3A443'],
    ['no port behind its colon', 'did:web:example.com%3A'],
    ['a port with a nought in front', 'did:web:example.com%3A08443'],
    ['a port beyond the last', 'did:web:example.com%3A65536'],
    ['two ports', 'did:web:example.com%3A1%3A2'],
    ['a user', 'did:web:me@example.com'],
    ['a user, escaped', 'did:web:me%40example.com'],
    ['a slash', 'did:web:example.com/agents'],
    ['a slash, escaped', 'did:web:example.com:a%2Fb'],
    ['two dots as segment', 'did:web:example.com:..:secret'],
    ['an empty segment', 'did:web:example.com::a'],
    ['an empty last segment', 'did:web:example.com:'],
    ['a fragment', 'did:web:example.com#key'],
    ['a query', 'did:web:example.com?x=1'],
    ['capitals in the host', 'did:web:Example.com'],
    ['a dot at the end of the host', 'did:web:example.com.'],
    ['a line break', 'did:web:example.com\n'],
    ['512 characters and more', `did:web:example.com:${'a'.repeat(512)}`],
  ])('%s is refused', (_, did) => {
    expect(parseDid(did)).toBeUndefined()
  })

  test('whatever is accepted leads to the host that it names, over https, and to nobody else’s document', () => {
    const part = fc.string({ unit: fc.constantFrom(...'aZ09._-/%:@?#\\3A é'), maxLength: 16 })
    const seen = new Map<string, string>()
    fc.assert(
      fc.property(part, fc.array(part, { maxLength: 3 }), (host, path) => {
        const did = ['did:web', host, ...path].join(':')
        const parsed = parseDid(did)
        if (!parsed) return
        const url = new URL(parsed.documentUrl!)
        expect([url.protocol, url.username, url.search, url.hash, url.href]).toEqual(['https:', '', '', '', parsed.documentUrl])
        expect(url.host).toBe(did.split(':')[2]!.replace('%3A', ':'))
        expect(seen.get(url.href) ?? did).toBe(did)
        seen.set(url.href, did)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('did:key', () => {
  // W3C CCG did:key, examples.
  test('the published keys are read', () => {
    expect(readDidKey('did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK')).toEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      x: 'Lm_M42cB3HkUiODQsXRcweM6TByfzEHGO9ND274JcOY',
    })
    expect(readDidKey('did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169')).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x: 'fyNYMN0976ci7xqiSdag3buk-ZCwgXU4kz9XNkBlNUI',
      y: 'hW2ojTNfH7Jbi8--CJUo3OCbH3y5n91g-IMA9MLMbTU',
    })
  })

  test.each(['ed25519', 'ec'] as const)('each %s key is read back from its identifier', kind => {
    for (let n = 0; n < 20; n++) {
      const { publicKey } = kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
      const did = didKeyOf(publicKey)
      expect(parseDid(did)).toEqual({ method: 'did:key', did, documentUrl: undefined })
      expect(readDidKey(did)).toEqual(publicKey.export({ format: 'jwk' }))
    }
  })

  const encode = (...bytes: number[]): string => `did:key:z${base58.encode(Uint8Array.from(bytes))}`
  const zeros = (count: number): number[] => new Array<number>(count).fill(0)
  test.each([
    ['an X25519 key, which signs nothing', encode(0xec, 0x01, ...zeros(32))],
    ['a secp256k1 key', encode(0xe7, 0x01, 0x02, ...zeros(32))],
    ['an Ed25519 key that is cut short', encode(0xed, 0x01, ...zeros(31))],
    ['an Ed25519 key with a byte more', encode(0xed, 0x01, ...zeros(33))],
    ['a point that is not on the curve', encode(0x80, 0x24, 0x02, ...zeros(31), 7)],
    ['a point that is not compressed', encode(0x80, 0x24, 0x04, ...zeros(32))],
    ['nothing', encode()],
    ['a text longer than any key', `did:key:z${'1'.repeat(400)}`],
  ])('%s is no key', (_, did) => {
    expect(readDidKey(did)).toBeUndefined()
  })

  test('no text makes the reader throw', () => {
    const text = fc.string({ unit: fc.constantFrom(...'zZ69MkhD1aXgBé0OIl'), maxLength: 70 })
    fc.assert(fc.property(text, rest => void [parseDid(`did:key:z${rest}`), readDidKey(`did:key:z${rest}`)]))
  })
})

describe('a DID document', () => {
  const did = 'did:web:example.com'
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'Lm_M42cB3HkUiODQsXRcweM6TByfzEHGO9ND274JcOY' }
  const method = { id: `${did}#key-1`, type: 'JsonWebKey', controller: did, publicKeyJwk: jwk }
  const good = { id: did, verificationMethod: [method], authentication: [method.id] }
  const idsOf = (document: unknown, relationship: 'authentication' | 'assertionMethod' = 'authentication') =>
    readVerificationMethods(document, did, relationship).map(({ id }) => id)

  test.each([
    ['named by its whole id', good],
    ['named by its fragment', { ...good, authentication: ['#key-1'] }],
    ['listed by its fragment', { ...good, verificationMethod: [{ ...method, id: '#key-1' }] }],
    ['standing in the relationship itself', { id: did, authentication: [method] }],
  ])('gives a key %s', (_, document) => {
    expect(idsOf(document)).toEqual([`${did}#key-1`])
  })

  test.each<[string, unknown]>([
    ['a key that is there for another purpose', { ...good, authentication: [], assertionMethod: [method.id] }],
    ['a key that is listed and named nowhere', { ...good, authentication: undefined }],
    ['a key of another controller', { ...good, verificationMethod: [{ ...method, controller: 'did:web:evil.example' }] }],
    ['a key without controller', { ...good, verificationMethod: [{ ...method, controller: undefined }] }],
    ['a key under another DID’s name', { id: did, authentication: [{ ...method, id: 'did:web:evil.example#key-1' }] }],
    ['a key by another DID’s name', { ...good, authentication: ['did:web:evil.example#key-1'] }],
    [
      'a key in another form',
      { ...good, verificationMethod: [{ ...method, publicKeyJwk: undefined, publicKeyMultibase: 'z6Mk' }] },
    ],
    ['one name for two keys', { ...good, verificationMethod: [method, { ...method, publicKeyJwk: { ...jwk, x: 'AAAA' } }] }],
    ['lists that are none', { id: did, verificationMethod: 'x', authentication: 7 }],
    ['entries that are none', { id: did, verificationMethod: [null, 1, []], authentication: [null, 1, []] }],
  ])('gives no key for %s', (_, document) => {
    expect(idsOf(document)).toEqual([])
  })

  test.each<[string, unknown]>([
    ['of another DID', { ...good, id: 'did:web:evil.example' }],
    ['without id', { ...good, id: undefined }],
    ['that is null', null],
    ['that is a list', [good]],
  ])('%s is refused as a whole', (_, document) => {
    expect(() => idsOf(document)).toThrow('not that of the DID')
  })
})
