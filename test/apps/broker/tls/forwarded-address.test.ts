import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findForwardedAddress } from '#apps/broker/tls/forwarded-address.ts'

const isProxy = (address: string) => address.startsWith('10.')
const peer = '10.0.0.1'

test.each([
  ['nothing', undefined, peer],
  ['the client', '203.0.113.7', '203.0.113.7'],
  ['the client through two proxies', '203.0.113.7, 10.0.0.2', '203.0.113.7'],
  ['what the client itself wrote on the left', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
  ['a proxy’s address written by the client', '10.0.0.9, 203.0.113.7', '203.0.113.7'],
  ['proxies only', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ['nonsense on the right', '203.0.113.7, unknown', peer],
  ['nonsense behind a proxy', 'evil, 10.0.0.2', '10.0.0.2'],
  ['an empty entry', '203.0.113.7,', peer],
  ['a port', '203.0.113.7:4711', '203.0.113.7'],
  ['IPv6', '2001:db8::7', '2001:db8::7'],
  ['IPv6 with a port', '[2001:db8::7]:4711', '2001:db8::7'],
  ['a mapped address', '::ffff:203.0.113.7', '203.0.113.7'],
  ['a zone', 'fe80::1%eth0', peer],
  ['more than an address', '203.0.113.7 x', peer],
])('X-Forwarded-For with %s', (_, header, expected) => {
  expect(findForwardedAddress(peer, header, 'x-forwarded-for', isProxy)).toBe(expected)
})

test.each([
  ['the client', 'for=203.0.113.7;proto=https', '203.0.113.7'],
  ['IPv6', 'proto=https; For="[2001:db8::7]:4711"', '2001:db8::7'],
  ['two elements', 'for=198.51.100.1, for=203.0.113.7;by=10.0.0.1, for=10.0.0.2', '203.0.113.7'],
  ['an obfuscated name', 'for=_hidden', peer],
  ['no for', 'proto=https', peer],
  ['two', 'for=203.0.113.7;for=203.0.113.8', peer],
])('Forwarded with %s', (_, header, expected) => {
  expect(findForwardedAddress(peer, header, 'forwarded', isProxy)).toBe(expected)
})

test('whatever the client writes, the proxy’s entry at the right end is what counts', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('x-forwarded-for', 'forwarded') as fc.Arbitrary<'forwarded'>, (written, format) => {
      const own = format === 'forwarded' ? 'for=203.0.113.7' : '203.0.113.7'
      return findForwardedAddress(peer, `${written}, ${own}`, format, isProxy) === '203.0.113.7'
    }),
  )
})
