// IP addresses and networks as numbers, so that every way to write an address is judged as the one thing that it is.

export interface IpAddress {
  readonly bits: 32 | 128
  readonly value: bigint
}

export interface Network extends IpAddress {
  /** How many leading bits are the network's. */
  readonly prefix: number
}

/** An address as `node:dns` and sockets write it; undefined for anything else, one with a zone among them. */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (text.includes(':')) return parseIpv6(text)
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1)
  // A leading zero means octal to some, nothing to others.
  if (!parts?.every(part => Number(part) <= 255 && (part === '0' || !part.startsWith('0')))) return undefined
  return { bits: 32, value: parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n) }
}

/** RFC 4291 § 2.2. The URL standard reads all its forms and prints one. */
function parseIpv6(text: string): IpAddress | undefined {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text)) return undefined
  const canonical = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1)
  if (canonical === undefined) return undefined
  const [head = '', tail] = canonical.split('::')
  const [front, back] = [groupsOf(head), groupsOf(tail ?? '')]
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length
  const groups = [...front, ...Array<bigint>(zeros).fill(0n), ...back]
  return { bits: 128, value: groups.reduce((value, group) => (value << 16n) | group, 0n) }
}

const groupsOf = (text: string): bigint[] => (text === '' ? [] : text.split(':').map(group => BigInt(`0x${group}`)))

/** `10.0.0.0/8`, `fd00::/8`, or a single address; undefined when it is none, or has bits behind its prefix. */
export function parseNetwork(text: string): Network | undefined {
  const [, base = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = parseIpAddress(base)
  if (!address) return undefined
  const prefix = length === undefined ? address.bits : Number(length)
  if (prefix > address.bits || (address.value & hostMask(address.bits, prefix)) !== 0n) return undefined
  return { ...address, prefix }
}

const hostMask = (bits: number, prefix: number): bigint => (1n << BigInt(bits - prefix)) - 1n

export const contains = (network: Network, address: IpAddress): boolean =>
  network.bits === address.bits && (network.value ^ address.value) >> BigInt(network.bits - network.prefix) === 0n
