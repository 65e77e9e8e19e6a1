import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { trustDomainOf } from '#core/enrolment/trust-domain.ts'
import { encodeUriConstraint, readUriConstraint } from '#core/subject/name-constraints.ts'
import { isTrustDomain, parseSpiffeId } from '#core/subject/spiffe-id.ts'

describe('the trust domain of a tenant', () => {
  test.each([
    ['https://broker.example', 'acme', 'acme.broker.example'],
    ['https://Broker.Example:8443', 'acme', 'acme.broker.example'],
    ['https://broker.example./base', 'acme', 'acme.broker.example'],
    ['https://localhost:8443', 'first', 'first.localhost'],
    ['https://127.0.0.1:8443', 'first', 'first.127-0-0-1'],
    ['https://[::1]:8443', 'first', 'first.--1'],
    ['https://bücher.example', 'acme', 'acme.xn--bcher-kva.example'],
  ])('%s, %s → %s', (baseUrl, slug, expected) => {
    expect(trustDomainOf(baseUrl, slug)).toBe(expected)
  })

  test('of a host that leaves no room is still one, and another for another host', () => {
    const long = (letter: string): string => `https://${Array.from({ length: 4 }, () => letter.repeat(60)).join('.')}.example`
    const slug = 's'.repeat(63)
    const [a, b] = [trustDomainOf(long('a'), slug), trustDomainOf(long('b'), slug)]
    expect([isTrustDomain(a), isTrustDomain(b), a === b]).toEqual([true, true, false])
  })

  const slugs = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
  const bases = fc.oneof(
    fc.domain().map(host => `https://${host}`),
    fc.ipV4().map(address => `https://${address}:8443`),
    fc.ipV6().map(address => `https://[${address}]`),
  )

  test('is valid in a SPIFFE ID and in the name constraint of its CA, and shared by no two tenants', () => {
    fc.assert(
      fc.property(bases, slugs, slugs, (base, slug, other) => {
        const domain = trustDomainOf(base, slug)
        expect(parseSpiffeId(`spiffe://${domain}/agent/x/1`)?.trustDomain).toBe(domain)
        expect(readUriConstraint(encodeUriConstraint([domain]))).toEqual([domain])
        expect(trustDomainOf(base, other) === domain).toBe(other === slug)
      }),
    )
  })
})
