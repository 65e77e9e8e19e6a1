// Decentralised identifiers (W3C DID 1.0 § 3.1), of the two methods that we resolve. A DID is compared byte for byte, so only
// the one spelling of it that leads to its key is taken.

export type DidMethod = 'did:web' | 'did:key'
export const didMethods: readonly DidMethod[] = ['did:web', 'did:key']

export interface Did {
  readonly method: DidMethod
  /** The whole identifier. */
  readonly did: string
  /** For `did:web`: where its document is; https, without user, query or fragment. */
  readonly documentUrl: string | undefined
}

const maxLength = 512
const hostText = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
const segmentText = /^[A-Za-z0-9._-]+$/
/** Base58btc is announced by `z` (Multibase). */
const keyText = /^did:key:(z[1-9A-HJ-NP-Za-km-z]+)$/

/** Never throws; undefined when the text is no DID that can be resolved here. */
export function parseDid(did: string): Did | undefined {
  if (did.length > maxLength) return undefined
  if (keyText.test(did)) return { method: 'did:key', did, documentUrl: undefined }
  if (!did.startsWith('did:web:')) return undefined
  const documentUrl = didWebUrl(did.slice('did:web:'.length))
  return documentUrl === undefined ? undefined : { method: 'did:web', did, documentUrl }
}

/**
 * did:web § 2.5.2: `host` → `https://host/.well-known/did.json`, `host%3A8443:a:b` → `https://host:8443/a/b/did.json`.
 * No address instead of a name, no escapes but the port's, no dotted segments: one identifier, one URL, and the reverse.
 */
function didWebUrl(name: string): string | undefined {
  const [authority = '', ...path] = name.split(':')
  const [host = '', port, ...more] = authority.split('%3A')
  if (more.length > 0 || !hostText.test(host)) return undefined
  if (port !== undefined && (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65_535 || port === '443')) return undefined
  if (!path.every(segment => segmentText.test(segment) && segment !== '.' && segment !== '..')) return undefined
  const where = path.length === 0 ? '.well-known' : path.join('/')
  const url = `https://${host}${port === undefined ? '' : `:${port}`}/${where}/did.json`
  // What the URL standard reads as something else, such as a number that is an IPv4 address, is no name.
  const parsed = URL.parse(url)
  return parsed?.href === url && !/^[0-9.]+$/.test(parsed.hostname) ? url : undefined
}
