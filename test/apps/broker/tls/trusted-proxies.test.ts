import { describe, expect, test } from 'vitest'
import { plainAddress, readTrustedProxies } from '#apps/broker/tls/trusted-proxies.ts'

const certificate = 'A'.repeat(43)
const read = (entries: unknown) => {
  const problems: string[] = []
  const proxies = readTrustedProxies(typeof entries === 'string' ? entries : JSON.stringify(entries), problems)
  return { proxies, problems }
}
const good = { address: '10.1.0.0/16', format: 'rfc9440' }

test.each([[undefined], ['']])('nobody is trusted unless named: %j', text => {
  expect(readTrustedProxies(text, [])).toEqual([])
})

test('an entry is read as it stands, with what it leaves out', () => {
  const { proxies, problems } = read([
    { address: '::1', format: 'nginx', certificate, verified_header: { name: 'ssl-client-verify', value: 'SUCCESS' } },
    { ...good, address_header: 'forwarded' },
  ])
  expect(problems).toEqual([])
  expect(proxies).toMatchObject([
    { format: 'nginx', certificate, certificateHeader: 'ssl-client-cert', addressHeader: 'x-forwarded-for' },
    { format: 'rfc9440', certificate: undefined, verifiedHeader: undefined, addressHeader: 'forwarded' },
  ])
})

test.each([
  ['10.1.0.0/16', ['10.1.2.3', '10.1.255.255'], ['10.2.0.0', '::ffff:10.1.2.3', '', 'x', '10.1.2']],
  ['127.0.0.1', ['127.0.0.1'], ['127.0.0.2', '::1']],
  ['2001:db8::/32', ['2001:db8:1::1'], ['2001:db9::', '32.1.13.184']],
])('%s contains %j and not %j', (address, inside, outside) => {
  const [proxy] = read([{ ...good, address }]).proxies
  expect(inside.filter(one => !proxy!.contains(one))).toEqual([])
  expect(outside.filter(one => proxy!.contains(one))).toEqual([])
})

describe('what cannot be meant stops the start', () => {
  test.each([
    ['not JSON', '{'],
    ['no list', good],
    ['no object', ['10.0.0.1']],
    ['all addresses', [{ ...good, address: '0.0.0.0/0' }]],
    ['all addresses of IPv6', [{ ...good, address: '::/0' }]],
    ['a name', [{ ...good, address: 'proxy.example' }]],
    ['no prefix', [{ ...good, address: '10.0.0.0/' }]],
    ['a prefix that is too long', [{ ...good, address: '10.0.0.0/33' }]],
    ['two prefixes', [{ ...good, address: '10.0.0.0/8/8' }]],
    ['another format', [{ ...good, format: 'traefik' }]],
    ['a thumbprint in hex', [{ ...good, certificate: 'ab'.repeat(32) }]],
    ['a verified header without value', [{ ...good, verified_header: { name: 'x-verified', value: '' } }]],
    ['a verified header in capitals', [{ ...good, verified_header: { name: 'X-Verified', value: '1' } }]],
    ['a misspelt member', [{ ...good, verfied_header: { name: 'x', value: '1' } }]],
    ['another address header', [{ ...good, address_header: 'x-real-ip' }]],
  ])('%s', (_, entries) => {
    const { proxies, problems } = read(entries)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^MAYFLY_TRUSTED_PROXIES/)
    expect(proxies).toEqual([])
  })
})

test('a mapped address is the IPv4 address that it maps', () => {
  expect(['::ffff:10.0.0.1', '10.0.0.1', '::1', '::ffff:a00:1'].map(plainAddress)).toEqual([
    '10.0.0.1',
    '10.0.0.1',
    '::1',
    '::ffff:a00:1',
  ])
})
