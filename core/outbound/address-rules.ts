// Where Mayfly may connect to because somebody registered a URL or a host: keys of issuers, connectors, webhooks. One set of
// rules for all (attack 26). What is public may be reached; what lies inside, only if the deployment names its network; what
// answers to nobody but this machine's own surroundings (link-local, and with it the clouds' metadata) never.
//
// The rules judge addresses, not names: whoever connects asks for the very address that it is about to use, in the look-up of
// that connection, so a name that changes its meaning in between gains nothing.

import { contains, type IpAddress, type Network, parseIpAddress, parseNetwork } from './ip-address.ts'

const networks = (...texts: string[]): readonly Network[] => texts.map(text => parseNetwork(text)!)

/** IANA's special-purpose registries: what is no address of a public server, but may be one of a server inside. */
const inside = networks(
  ...['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '198.18.0.0/15'],
  ...['::1/128', 'fc00::/7'],
)

/** Never a server that anyone registers, whatever the deployment allows. */
const never = networks(
  '0.0.0.0/8',
  // Link-local: metadata services of the clouds answer here.
  ...['169.254.0.0/16', 'fe80::/10'],
  // Metadata services that stand elsewhere: AWS over IPv6, Alibaba, Oracle.
  ...['fd00:ec2::254/128', '100.100.100.200/32', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  // Those that hold an IPv4 address which may be any: compatible, mapped, translated (NAT64), 6to4, Teredo.
  ...['::ffff:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '2001::/23', '2002::/16'],
  ...['100::/64', '2001:db8::/32', '3fff::/20', '5f00::/16', 'fec0::/10', 'ff00::/8'],
)
const compatible = networks('::/96')[0]!
const loopback6 = networks('::1/128')[0]!

export interface AddressRules {
  /** Networks inside that may be reached. */
  readonly allowed: readonly Network[]
}

/** Every network inside: development, and issuers inside one's own cluster. */
export const everythingInside: readonly Network[] = inside

/** Whether a connection to it is allowed. address: as the look-up gave it. */
export function mayReach(address: string, rules: AddressRules): boolean {
  const parsed = parseIpAddress(address)
  if (!parsed || isNever(parsed)) return false
  if (!inside.some(network => contains(network, parsed))) return true
  return rules.allowed.some(network => contains(network, parsed))
}

const isNever = (address: IpAddress): boolean =>
  never.some(network => contains(network, address)) || (contains(compatible, address) && !contains(loopback6, address))

/** Reads `10.20.0.0/16, fd12::/48`. Calls `complain` for each word that is no network. */
export function parseNetworks(text: string, complain: (word: string) => void): Network[] {
  const words = text.split(/[\s,]+/).filter(word => word !== '')
  return words.flatMap(word => {
    const network = parseNetwork(word)
    if (!network) complain(word)
    return network ?? []
  })
}
