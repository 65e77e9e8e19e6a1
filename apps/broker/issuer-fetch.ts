// Fetching what trust sources publish: keys, bundles, revocation lists. Where to is decided by the registration alone. https
// only, no redirects, a bounded answer in bounded time; names that resolve to this machine or to private ranges are refused
// unless the operator allows it.

import { lookup } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import { Agent, request } from 'undici'
import { parseStrictJson } from '#core/json/parse-strict.ts'
import type { FetchJwks, KeySource } from '#core/subject/jwks-store.ts'
import type { FetchDocument } from '#core/trust-material/trust-material.ts'

const maxJsonBytes = 256 * 1024
const timeoutMs = 3_000

// IANA's special-purpose registries: what is no address of a public server. Two lists, because in one Node takes the network
// of the mapped addresses for all of IPv4.
const special4 = new BlockList()
const special6 = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special4.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of [
  // Those that hold an IPv4 address which may be a private one: compatible, mapped, translated (NAT64), 6to4, Teredo.
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 23],
  ['2002::', 16],
  ['100::', 64],
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  special6.addSubnet(network, bits, 'ipv6')

/** Whether an address, as text, is one that a public server cannot have. */
export const isSpecial = (address: string): boolean =>
  isIP(address) === 6 ? special6.check(address, 'ipv6') : special4.check(address, 'ipv4')

/** Checked in the connection's own look-up, so that what was checked is what is connected to. */
const guardedLookup: typeof lookup = ((
  host: string,
  options: object,
  callback: (error: Error | null, addresses?: unknown) => void,
) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error)
    const refused = addresses.find(({ address }) => isSpecial(address))
    if (refused) return callback(new Error(`${host} resolves to ${refused.address}, which is not a public address`))
    return callback(null, addresses)
  })
}) as typeof lookup

export interface IssuerFetchOptions {
  /** Whether issuers inside this machine or network may be asked: in development, and for issuers inside one's own cluster. */
  readonly allowPrivateAddresses: boolean
}

export interface IssuerFetch extends FetchJwks {
  /** Any document, as it came. */
  readonly document: FetchDocument
  close(): Promise<void>
}

export function createIssuerFetch(options: IssuerFetchOptions): IssuerFetch {
  const agents = new Map<string, Agent>()
  const agentFor = (caPem: string | undefined, maxBytes: number): Agent => {
    const name = `${maxBytes} ${caPem ?? ''}`
    const known = agents.get(name)
    if (known) return known
    const connect = {
      timeout: timeoutMs,
      ...(caPem ? { ca: caPem } : {}),
      ...(options.allowPrivateAddresses ? {} : { lookup: guardedLookup }),
    }
    const agent = new Agent({
      connect,
      connections: 2,
      maxResponseSize: maxBytes,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    })
    agents.set(name, agent)
    return agent
  }
  const document: FetchDocument = async ({ url, caPem }, maxBytes) => {
    const { protocol, hostname, origin, pathname } = new URL(url)
    if (protocol !== 'https:') throw new Error(`${protocol} is not https:`)
    // An address in the URL itself passes no look-up.
    if (!options.allowPrivateAddresses && isIP(hostname.replace(/^\[|\]$/g, '')) && isSpecial(hostname.replace(/^\[|\]$/g, '')))
      throw new Error(`${hostname} is not a public address`)
    const { statusCode, body } = await request(url, {
      dispatcher: agentFor(caPem, maxBytes),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const bytes = Buffer.from(await body.arrayBuffer())
    if (statusCode !== 200) throw new Error(`${origin}${pathname} answered ${statusCode}`)
    return bytes
  }
  const fetchJson = async (url: string, { caPem }: KeySource): Promise<unknown> => {
    const bytes = await document({ url, caPem }, maxJsonBytes)
    return parseStrictJson(new TextDecoder().decode(bytes), { numbers: 'any', maxBytes: maxJsonBytes })
  }
  const fetchJwks: FetchJwks = async source => fetchJson(source.jwksUri ?? (await discover(source, fetchJson)), source)
  return Object.assign(fetchJwks, {
    document,
    close: async () => {
      await Promise.all([...agents.values()].map(agent => agent.close()))
    },
  })
}

/** OpenID Connect Discovery 1.0 § 4: the document must name the very issuer that it was asked of. */
async function discover(source: KeySource, fetchJson: (url: string, source: KeySource) => Promise<unknown>): Promise<string> {
  const base = source.issuer.endsWith('/') ? source.issuer.slice(0, -1) : source.issuer
  const document = (await fetchJson(`${base}/.well-known/openid-configuration`, source)) as Record<string, unknown>
  if (document['issuer'] !== source.issuer || typeof document['jwks_uri'] !== 'string')
    throw new Error(`the discovery document of ${source.issuer} names another issuer or no keys`)
  return document['jwks_uri']
}
