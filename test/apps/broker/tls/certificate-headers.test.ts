import { createHash, X509Certificate } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { readCertificateHeaders } from '#apps/broker/tls/certificate-headers.ts'
import { type ProxyFormat, proxyFormats } from '#apps/broker/tls/trusted-proxies.ts'
import { createDevCa } from '#apps/standalone/dev-ca.ts'

let pem: string
let der: Buffer
let otherPem: string
let other: Buffer
beforeAll(async () => {
  const now = new Date()
  pem = (await createDevCa({ now })).certificatePem
  otherPem = (await createDevCa({ now })).certificatePem
  der = new X509Certificate(pem).raw
  other = new X509Certificate(otherPem).raw
})
const read = (format: ProxyFormat, headers: IncomingHttpHeaders) => readCertificateHeaders(headers, format, 'ssl-client-cert')
const bytes = (raw: Buffer) => `:${raw.toString('base64')}:`
const hash = (raw: Buffer) => createHash('sha256').update(raw).digest('hex')

describe('rfc9440', () => {
  test('the certificate, and the chain above it', () => {
    expect(read('rfc9440', { 'client-cert': bytes(der) })).toEqual([der])
    const both = { 'client-cert': bytes(der), 'client-cert-chain': `${bytes(other)}, ${bytes(der)}` }
    expect(read('rfc9440', both)).toEqual([der, other, der])
  })
  test.each([
    ['nothing', () => ({})],
    ['a chain only', () => ({ 'client-cert-chain': bytes(der) })],
    ['no byte sequence', () => ({ 'client-cert': der.toString('base64') })],
    ['two certificates', () => ({ 'client-cert': `${bytes(der)}, ${bytes(other)}` })],
    ['PEM', () => ({ 'client-cert': `:${encodeURIComponent(pem)}:` })],
    ['a broken chain', () => ({ 'client-cert': bytes(der), 'client-cert-chain': `${bytes(other)}, x` })],
    ['an endless chain', () => ({ 'client-cert': bytes(der), 'client-cert-chain': Array(9).fill(bytes(other)).join(',') })],
    ['another proxy’s header', () => ({ 'ssl-client-cert': encodeURIComponent(pem) })],
  ] as [string, () => IncomingHttpHeaders][])('%s is no certificate', (_, headers) => {
    expect(read('rfc9440', headers())).toBeUndefined()
  })
})

describe('nginx', () => {
  test('one escaped PEM', () => {
    expect(read('nginx', { 'ssl-client-cert': encodeURIComponent(pem) })).toEqual([der])
  })
  test.each([
    ['two', () => encodeURIComponent(pem + otherPem)],
    ['two headers', () => `${encodeURIComponent(pem)}, ${encodeURIComponent(otherPem)}`],
    ['nothing', () => ''],
    ['text around it', () => encodeURIComponent(`x${pem}`)],
    ['a broken escape', () => `${encodeURIComponent(pem)}%`],
  ])('%s is no certificate', (_, value) => {
    expect(read('nginx', { 'ssl-client-cert': value() })).toBeUndefined()
  })
})

describe('envoy', () => {
  const cert = () => `Cert="${encodeURIComponent(pem)}"`
  test('the certificate of the one element, and the chain without it', () => {
    const chain = `Chain="${encodeURIComponent(pem + otherPem)}"`
    const uris = 'URI=spiffe://a/b;URI=spiffe://a/c;DNS=a;DNS=b'
    const rest = `By=spiffe://mesh/proxy;Hash=${hash(der)};Subject="CN=\\"a\\", O=b;c"`
    const read1 = (text: string) => read('envoy', { 'x-forwarded-client-cert': text })
    expect(read1(cert())).toEqual([der])
    expect(read1(`${rest};${cert()};${chain};${uris}`)).toEqual([der, other])
  })
  test.each([
    ['a hash only', () => `Hash=${hash(der)};URI=spiffe://a/b`],
    ['the hash of another', () => `Hash=${hash(other)};${cert()}`],
    ['two elements', () => `${cert()},${cert()}`],
    ['an element of somebody else before it', () => `Hash=00,${cert()}`],
    ['two certificates', () => `${cert()};Cert="${encodeURIComponent(otherPem)}"`],
    ['two certificates in one', () => `Cert="${encodeURIComponent(pem + otherPem)}"`],
    ['an open quote', () => `Subject="CN=a;${cert()}`],
    ['a name that holds one', () => `Subject="${cert().replaceAll('"', '\\"')}"`],
  ])('%s is no certificate', (_, value) => {
    expect(read('envoy', { 'x-forwarded-client-cert': value() })).toBeUndefined()
  })
})

test('whatever stands in the headers, reading it ends without throwing', () => {
  const value = fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z]*=?"?[-A-Za-z%=;:,"\\]*$/))
  fc.assert(
    fc.property(value, fc.constantFrom(...proxyFormats), (text, format) => {
      const headers = { 'client-cert': text, 'client-cert-chain': text, 'x-forwarded-client-cert': text, 'ssl-client-cert': text }
      read(format, headers)
    }),
  )
})
