import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { everythingInside, mayReach, parseNetworks } from '#core/outbound/address-rules.ts'
import { contains, parseIpAddress, parseNetwork } from '#core/outbound/ip-address.ts'

const strangers = { allowed: [] }
const development = { allowed: everythingInside }

const insideOnly = [
  '127.0.0.1',
  '127.8.9.1',
  '10.1.2.3',
  '172.31.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '198.19.255.1',
  '::1',
  'fd00::1',
]
const never = [
  '0.0.0.0',
  '169.254.169.254',
  '100.100.100.200',
  '192.0.0.192',
  '192.0.2.1',
  '224.0.0.1',
  '255.255.255.255',
  'fd00:ec2::254',
  '::',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::7f00:1',
  '2002:7f00:1::',
  '2001:0:7f00:1::',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  'localhost',
  '127.1',
  '010.0.0.1',
  '',
]

describe('26: an address that somebody registered', () => {
  test.each([...insideOnly, ...never])('%s is not reached', address => {
    expect(mayReach(address, strangers)).toBe(false)
  })
  test.each(never)('%s is not reached even where everything inside is allowed', address => {
    expect(mayReach(address, development)).toBe(false)
  })
  test.each(insideOnly)('%s is reached where the deployment allows its network', address => {
    expect(mayReach(address, development)).toBe(true)
  })
  test.each(['1.1.1.1', '140.82.112.3', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::200e'])('%s is reached', address => {
    expect(mayReach(address, strangers)).toBe(true)
  })
  test('an allowed network allows its own addresses only', () => {
    const rules = { allowed: parseNetworks('10.20.0.0/16 fd12::/48', () => {}) }
    expect(mayReach('10.20.255.255', rules)).toBe(true)
    expect(mayReach('10.21.0.0', rules)).toBe(false)
    expect(mayReach('fd12::5', rules)).toBe(true)
    expect(mayReach('fd12:0:1::5', rules)).toBe(false)
  })
})

describe('a network', () => {
  test.each(['10.0.0.1/8', '10.0.0.0/33', 'fd12::1/48', 'localhost', '10.0.0.0/', '/8', '10.0.0.0/8/8'])('%s is none', text => {
    expect(parseNetwork(text)).toBeUndefined()
  })
  test('that cannot be read is complained of, and the others are kept', () => {
    const words: string[] = []
    expect(parseNetworks('10.0.0.0/8,nowhere', word => words.push(word))).toHaveLength(1)
    expect(words).toEqual(['nowhere'])
  })
})

test('every way to write an IPv6 address is the same address', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), groups => {
      const long = groups.map(group => group.toString(16).padStart(4, '0')).join(':')
      const short = URL.parse(`http://[${long}]/`)!.hostname.slice(1, -1)
      expect(parseIpAddress(short)).toEqual(parseIpAddress(long.toUpperCase()))
    }),
  )
})

test('a network contains what begins with its bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 32 }), (bits, prefix) => {
      const text = [24, 16, 8, 0].map(shift => (bits >>> shift) & 255).join('.')
      const address = parseIpAddress(text)!
      const mask = (1n << BigInt(32 - prefix)) - 1n
      const network = { bits: 32, value: address.value & ~mask, prefix } as const
      expect(contains(network, address)).toBe(true)
      if (prefix > 0) expect(contains(network, { bits: 32, value: address.value ^ (1n << BigInt(32 - prefix)) })).toBe(false)
    }),
  )
})
