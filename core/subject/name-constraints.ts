// Name constraints (RFC 5280 § 4.2.1.10) in the one form that the built-in CA writes: URIs, permitted, of hosts that are written
// out. Others are not evaluated here, and an authority that carries them vouches for nobody.

import { readOne } from '#core/trust-material/der.ts'

/** DER tags: `permittedSubtrees [0]`, `uniformResourceIdentifier [6]`. */
const permittedSubtrees = 0xa0
const uri = 0x86
const sequence = 0x30

const hostText = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
const maxHosts = 8

/** The extension's value: only URIs of these hosts. */
export function encodeUriConstraint(hosts: readonly string[]): Buffer {
  const subtrees = hosts.map(host => item(sequence, item(uri, Buffer.from(host, 'latin1'))))
  return item(sequence, item(permittedSubtrees, Buffer.concat(subtrees)))
}

/** The permitted hosts; undefined when the value is anything else than what `encodeUriConstraint` writes. */
export function readUriConstraint(value: Uint8Array): readonly string[] | undefined {
  const bytes = Buffer.from(value)
  try {
    const permitted = readOne(bytes).enter(permittedSubtrees)
    const hosts: string[] = []
    while (!permitted.ended && hosts.length <= maxHosts) hosts.push(permitted.enter().take(uri).content.toString('latin1'))
    if (hosts.length === 0 || hosts.length > maxHosts || !hosts.every(host => hostText.test(host))) return undefined
    // Whatever else stands there, distances, exclusions, a second spelling, is missing from what we would have written.
    return encodeUriConstraint(hosts).equals(bytes) ? hosts : undefined
  } catch {
    return undefined
  }
}

/**
 * Whether each URI has an authority that is one of the hosts and nothing else: no port, no user, no part of it escaped. A host
 * stands for itself, never for what is below it.
 */
export function urisWithin(uris: readonly string[], hosts: readonly string[]): boolean {
  return uris.every(text => {
    const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(text)?.[1]
    return authority !== undefined && hosts.includes(authority.toLowerCase())
  })
}

function item(tag: number, content: Buffer): Buffer {
  const { length } = content
  const header = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), content])
}
