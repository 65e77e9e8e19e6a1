// A client's certificate in the headers of a proxy that ended its TLS connection. Each reader takes the one form that its proxy
// writes and gives DER, the client's own certificate first; whatever else stands there is no certificate.

import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { ProxyFormat } from './trusted-proxies.ts'

const maxCertificates = 8

/** name: of the header that carries the certificate, where the format leaves it open. */
export function readCertificateHeaders(headers: IncomingHttpHeaders, format: ProxyFormat, name: string): Buffer[] | undefined {
  if (format === 'rfc9440') return readClientCert(textOf(headers['client-cert']), textOf(headers['client-cert-chain']))
  if (format === 'envoy') return readForwardedClientCert(textOf(headers['x-forwarded-client-cert']))
  return readEscapedPem(textOf(headers[name]), 1)
}

const textOf = (value: string | string[] | undefined): string | undefined => (typeof value === 'string' ? value : undefined)

/** RFC 9440 § 2: byte sequences of RFC 8941, one in Client-Cert, a list in Client-Cert-Chain. */
function readClientCert(leaf: string | undefined, chain: string | undefined): Buffer[] | undefined {
  if (leaf === undefined) return undefined
  const own = readByteSequence(leaf.trim())
  const others = chain === undefined ? [] : chain.split(',').map(item => readByteSequence(item.trim()))
  if (!own || others.length > maxCertificates || others.includes(undefined)) return undefined
  return [own, ...(others as Buffer[])]
}

function readByteSequence(text: string): Buffer | undefined {
  const match = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(text)
  return match ? Buffer.from(match[1]!, 'base64') : undefined
}

/** nginx, `$ssl_client_escaped_cert`: one PEM block, percent-encoded. */
function readEscapedPem(text: string | undefined, most: number): Buffer[] | undefined {
  if (text === undefined) return undefined
  let pem: string
  try {
    pem = decodeURIComponent(text)
  } catch {
    return undefined
  }
  const whole = /^(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/
  if (!whole.test(pem)) return undefined
  const blocks = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END/g)]
  return blocks.length > most ? undefined : blocks.map(([, base64]) => Buffer.from(base64!, 'base64'))
}

/**
 * Envoy, `x-forwarded-client-cert`: `Key=Value` pairs with `;` between them, an element for each proxy with `,` between them.
 * Only one element is read (SANITIZE_SET): of several, the others are somebody else's words.
 */
function readForwardedClientCert(text: string | undefined): Buffer[] | undefined {
  const pairs = text === undefined ? undefined : readPairs(text)
  const leaf = pairs && readEscapedPem(pairs.get('cert'), 1)?.[0]
  if (!pairs || !leaf) return undefined
  const hash = pairs.get('hash')
  if (hash !== undefined && createHash('sha256').update(leaf).digest('hex') !== hash.toLowerCase()) return undefined
  const chain = pairs.has('chain') ? readEscapedPem(pairs.get('chain'), maxCertificates) : []
  return chain && [leaf, ...chain.filter(certificate => !certificate.equals(leaf))]
}

/** Keys in lower case. Undefined where a key other than `URI` or `DNS` stands twice, or anything else than pairs is there. */
function readPairs(text: string): Map<string, string> | undefined {
  const pairs = new Map<string, string>()
  const pair = /([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;]*))(;|$)/y
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text)
    if (!match) return undefined
    const key = match[1]!.toLowerCase()
    if (pairs.has(key) && key !== 'uri' && key !== 'dns') return undefined
    pairs.set(key, match[2] ?? match[3]!)
  }
  return pairs
}
