// The door to the outside for whatever somebody registered. A name is looked up for this very connection, each address that it
// has is judged (`core/outbound/address-rules.ts`), and the connection goes to one of those addresses, not to the name again.
// Where Mayfly keeps its own state is closed at any address under which it can be reached.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type AddressRules, mayReach } from '#core/outbound/address-rules.ts'

export interface OwnStore {
  readonly host: string
  readonly port: number
}

export interface OutboundOptions extends AddressRules {
  /** PostgreSQL and Redis of Mayfly itself. */
  readonly ownStores: readonly OwnStore[]
  /** All addresses of a name; the system's look-up when nothing is said. */
  readonly lookUp?: (host: string) => Promise<readonly ReachableAddress[]>
}

export interface ReachableAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** Why a connection was not made: for logs and for whoever registered the address; holds no secret. */
export class OutboundRefusal extends Error {
  override readonly name = 'OutboundRefusal'
}

export type ResolveOutbound = (host: string, port: number) => Promise<ReachableAddress>

/**
 * host: a name or an address, as in a URL. Returns the address to connect to. Throws OutboundRefusal when any address of it is
 * not to be reached, and what the look-up throws.
 */
export function createOutbound(options: OutboundOptions): ResolveOutbound {
  const { lookUp = addressesOf } = options
  return async (host, port) => {
    const addresses = await lookUp(host)
    const refused = addresses.find(address => !mayReach(address.address, options))
    if (refused)
      throw new OutboundRefusal(
        isIP(host) ? `${host} is not a public address` : `${host} resolves to ${refused.address}, which is not a public address`,
      )
    for (const store of options.ownStores.filter(own => own.port === port))
      if (await isSameMachine(addresses, store.host, lookUp))
        throw new OutboundRefusal(`${host}:${port} is a store of Mayfly itself`)
    return addresses[0]!
  }
}

async function addressesOf(host: string): Promise<ReachableAddress[]> {
  const found = await lookup(host.replace(/^\[|\]$/g, ''), { all: true })
  if (found.length === 0) throw new OutboundRefusal(`${host} has no address`)
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
}

/** A store on this machine is reached by each of the machine's addresses. One whose name is not known now may be any. */
async function isSameMachine(
  addresses: readonly ReachableAddress[],
  storeHost: string,
  lookUp: (host: string) => Promise<readonly ReachableAddress[]>,
): Promise<boolean> {
  // A socket of the file system has no address, but the server behind it may listen at this port here.
  const stored = storeHost.startsWith('/') ? ['127.0.0.1'] : (await lookUp(storeHost)).map(({ address }) => address)
  if (addresses.some(({ address }) => stored.includes(address))) return true
  const own = new Set(Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address)))
  const isHere = (address: string): boolean => address.startsWith('127.') || address === '::1' || own.has(address)
  return stored.some(isHere) && addresses.some(({ address }) => isHere(address))
}

const defaultPorts: Readonly<Record<string, number>> = { 'postgres:': 5432, 'postgresql:': 5432, 'redis:': 6379, 'rediss:': 6379 }

/** Where a store of Mayfly's own is, by the URL that it is configured with; nothing for none. */
export function ownStoresOf(...urls: readonly (string | undefined)[]): OwnStore[] {
  return urls.flatMap(text => {
    const url = text === undefined ? null : URL.parse(text)
    if (!url) return []
    const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname)
    return [{ host: host === '' ? '127.0.0.1' : host, port: Number(url.port || (defaultPorts[url.protocol] ?? 0)) }]
  })
}
