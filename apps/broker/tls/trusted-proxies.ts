// The proxies that the operator names: in front of whom a TLS connection may end, and whose word counts on who was at its other
// end. There are none unless they are named (attack row 14).

import { BlockList, isIP } from 'node:net'

export const proxyFormats = ['rfc9440', 'envoy', 'nginx'] as const
export type ProxyFormat = (typeof proxyFormats)[number]

/** As configured: one entry of the list in MAYFLY_TRUSTED_PROXIES. */
export interface TrustedProxySetting {
  /** An address, or a network in CIDR form. */
  readonly address: string
  readonly format: ProxyFormat
  /** x5t#S256 of the client certificate that the proxy itself presents to us. Left out: its address alone is its word. */
  readonly certificate?: string
  /** What says that the proxy has verified the client's certificate. Left out: none that it names is believed. */
  readonly verified_header?: { readonly name: string; readonly value: string }
  /** For nginx, whose configuration chooses the name. */
  readonly certificate_header?: string
  /** Where the client's address is. The proxy must set it itself. */
  readonly address_header?: 'x-forwarded-for' | 'forwarded'
}

export interface TrustedProxy {
  readonly contains: (address: string) => boolean
  readonly format: ProxyFormat
  readonly certificate: string | undefined
  readonly verifiedHeader: { readonly name: string; readonly value: string } | undefined
  readonly certificateHeader: string
  readonly addressHeader: 'x-forwarded-for' | 'forwarded'
}

const members = ['address', 'format', 'certificate', 'verified_header', 'certificate_header', 'address_header']
const headerName = /^[a-z0-9-]{1,64}$/
const variable = 'MAYFLY_TRUSTED_PROXIES'

/** Each problem is added to `problems` as a sentence; what is then returned is not to be used. */
export function readTrustedProxies(text: string | undefined, problems: string[]): TrustedProxy[] {
  if (!text) return []
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    list = undefined
  }
  if (!Array.isArray(list)) {
    problems.push(`${variable} must be a JSON list of proxies.`)
    return []
  }
  return list.flatMap((entry, i) => {
    const fault = findFault(entry)
    if (fault !== undefined) problems.push(`${variable}, entry ${i}: ${fault}`)
    return fault === undefined ? [toProxy(entry as TrustedProxySetting)] : []
  })
}

function findFault(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null) return 'it must be an object.'
  const setting = entry as Readonly<Record<string, unknown>>
  const unknown = Object.keys(setting).find(member => !members.includes(member))
  if (unknown !== undefined) return `${unknown} is not known; there are ${members.join(', ')}.`
  if (readNetwork(setting['address']) === undefined)
    return 'address must be an IP address or a network such as 10.1.0.0/16, and not all of them.'
  if (!proxyFormats.includes(setting['format'] as never)) return `format must be one of ${proxyFormats.join(', ')}.`
  const { certificate, verified_header: verified, certificate_header: name, address_header: header } = setting
  if (certificate !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(String(certificate)))
    return 'certificate must be the SHA-256 of its DER in base64url, 43 characters.'
  if (verified !== undefined && !isVerifiedHeader(verified))
    return 'verified_header must have a name in lower case and the value that means verified.'
  if (name !== undefined && !headerName.test(String(name)))
    return 'certificate_header must be the name of a header in lower case.'
  if (header !== undefined && header !== 'x-forwarded-for' && header !== 'forwarded')
    return 'address_header must be x-forwarded-for or forwarded.'
  return undefined
}

function isVerifiedHeader(value: unknown): boolean {
  const { name, value: expected, ...more } = (value ?? {}) as Readonly<Record<string, unknown>>
  const isNamed = typeof name === 'string' && headerName.test(name)
  return isNamed && typeof expected === 'string' && expected !== '' && Object.keys(more).length === 0
}

function toProxy(setting: TrustedProxySetting): TrustedProxy {
  const network = readNetwork(setting.address)!
  const list = new BlockList()
  list.addSubnet(network.address, network.bits, network.family)
  return {
    contains: address =>
      isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') && isFamily(address, network.family),
    format: setting.format,
    certificate: setting.certificate,
    verifiedHeader: setting.verified_header,
    certificateHeader: setting.certificate_header ?? 'ssl-client-cert',
    addressHeader: setting.address_header ?? 'x-forwarded-for',
  }
}

const isFamily = (address: string, family: 'ipv4' | 'ipv6'): boolean => (isIP(address) === 6) === (family === 'ipv6')

/** Undefined for what is no network, and for the network of all addresses. */
function readNetwork(
  text: unknown,
): { readonly address: string; readonly bits: number; readonly family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', prefix, ...more] = typeof text === 'string' ? text.split('/') : []
  const version = isIP(address)
  if (version === 0 || more.length > 0 || address.includes('%')) return undefined
  const most = version === 6 ? 128 : 32
  const bits = prefix === undefined ? most : Number(/^\d{1,3}$/.test(prefix) ? prefix : Number.NaN)
  if (!Number.isInteger(bits) || bits < 1 || bits > most) return undefined
  return { address, bits, family: version === 6 ? 'ipv6' : 'ipv4' }
}

/** A peer's address as IPv4 where it is one that a socket for both families shows as IPv6. */
export const plainAddress = (address: string): string =>
  /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address
