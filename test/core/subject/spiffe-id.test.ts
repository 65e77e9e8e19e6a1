import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseSpiffeId } from '#core/subject/spiffe-id.ts'

test.each(['spiffe://example.org/agent', 'spiffe://a_b-c.1/ns/default/sa/x', 'spiffe://example.org/A.b_c-1/...'])(
  '%s is the ID of a workload',
  uri => {
    expect(parseSpiffeId(uri)).toEqual({ uri, trustDomain: uri.split('/')[2] })
  },
)

test.each([
  ['nothing', ''],
  ['another scheme', 'https://example.org/agent'],
  ['a scheme in capitals', 'SPIFFE://example.org/agent'],
  ['a trust domain without a workload', 'spiffe://example.org'],
  ['an empty path', 'spiffe://example.org/'],
  ['a slash at its end', 'spiffe://example.org/agent/'],
  ['an empty segment', 'spiffe://example.org//agent'],
  ['a dot as segment', 'spiffe://example.org/./agent'],
  ['two dots as segment', 'spiffe://example.org/a/../agent'],
  ['an escape', 'spiffe://example.org/a%2Fb'],
  ['a trust domain in capitals', 'spiffe://Example.org/agent'],
  ['no trust domain', 'spiffe:///agent'],
  ['a port', 'spiffe://example.org:443/agent'],
  ['a user', 'spiffe://me@example.org/agent'],
  ['a query', 'spiffe://example.org/agent?x=1'],
  ['a fragment', 'spiffe://example.org/agent#x'],
  ['a line break', 'spiffe://example.org/agent\n'],
  ['letters beyond ASCII', 'spiffe://exämple.org/agent'],
  ['more than 2048 bytes', `spiffe://example.org/${'a'.repeat(2048)}`],
])('%s is refused', (_, uri) => {
  expect(parseSpiffeId(uri)).toBeUndefined()
})

test('whatever is accepted is read back by the URL standard as the same trust domain and path', () => {
  const part = fc.string({ unit: fc.constantFrom(...'aZ09._-/%:@?#\\ é'), maxLength: 12 })
  fc.assert(
    fc.property(part, part, (domain, path) => {
      const uri = `spiffe://${domain}/${path}`
      const id = parseSpiffeId(uri)
      if (!id) return
      const url = new URL(uri)
      expect([url.host, url.href]).toEqual([id.trustDomain, uri])
    }),
  )
})
