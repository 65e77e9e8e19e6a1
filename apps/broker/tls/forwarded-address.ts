import { isIP } from 'node:net'
import { plainAddress } from './trusted-proxies.ts'

/**
 * The client's address by a list to which each proxy added, at its right end, whom it was talking to: the right-most that is no
 * trusted proxy. Whatever stands left of it anybody may have written. An entry that is no address ends the search: the proxy
 * that reported it is then the last that is known.
 */
export function findForwardedAddress(
  peer: string,
  header: string | undefined,
  format: 'x-forwarded-for' | 'forwarded',
  isProxy: (address: string) => boolean,
): string {
  let found = peer
  for (const entry of (header ?? '').split(',').reverse()) {
    const address = readAddress(format === 'forwarded' ? readFor(entry) : entry.trim())
    if (address === undefined) break
    found = address
    if (!isProxy(address)) break
  }
  return found
}

/** RFC 7239 § 4: the `for` of one element. */
function readFor(element: string): string {
  const found = element
    .split(';')
    .map(pair => /^\s*for\s*=\s*(?:"([^"\\]*)"|([^"\s]*))\s*$/i.exec(pair))
    .filter(match => match !== null)
  return found.length === 1 ? (found[0]![1] ?? found[0]![2]!) : ''
}

/** With or without a port; IPv6 in brackets where there is one. */
function readAddress(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text
  return isIP(bare) === 0 || bare.includes('%') ? undefined : plainAddress(bare)
}
