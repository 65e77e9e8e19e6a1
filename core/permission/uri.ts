// URIs inside details have one spelling (RFC 3986 § 6.2.2, § 6.2.3), so that comparing them is comparing strings.
// Read by the RFC's grammar and not by the WHATWG `URL`, which repairs what must be refused (backslashes, tabs, `127.1`).

import { accept, type Outcome, refuse } from './permission-type.ts'
import { isDotSegment, normaliseSegment } from './uri-path.ts'

const uriParts = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)([?#]?)/
const hostName = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
const hostAndPort = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::([0-9]*))?$/
const defaultPorts = new Map([
  ['http', 80],
  ['https', 443],
  ['ws', 80],
  ['wss', 443],
])

/**
 * The normal form of an absolute URI with an authority: scheme and host in lower case, default port dropped, dot segments
 * removed, `%XX` in upper case, unreserved characters decoded. An absent path stays absent.
 * Refuses user information, query, fragment, anything but printable ASCII, encoded slashes and empty segments.
 */
export function normaliseUri(text: string): Outcome<string> {
  const parts = /^[\x21-\x7e]+$/.test(text) ? uriParts.exec(text) : null
  if (!parts) return refuse('must be an absolute URI such as https://api.example/v1, in ASCII')
  if (parts[4] !== '') return refuse('must have no query and no fragment')
  const scheme = parts[1]!.toLowerCase()
  const authority = normaliseAuthority(scheme, parts[2]!.toLowerCase())
  if (!authority.ok) return authority
  const path = normalisePath(parts[3]!)
  return path.ok ? accept(`${scheme}://${authority.value}${path.value}`) : path
}

function normaliseAuthority(scheme: string, authority: string): Outcome<string> {
  if (authority.includes('@')) return refuse('must have no user information')
  const [, name, digits] = hostAndPort.exec(authority) ?? []
  const host = name?.startsWith('[') ? normaliseIpv6(name) : name
  if (host === undefined || !(host.startsWith('[') || hostName.test(host))) return refuse('must name a valid host')
  if (!digits) return accept(host)
  const port = Number(digits)
  if (port === 0 || port > 65_535) return refuse('must have a port from 1 to 65535')
  return accept(port === defaultPorts.get(scheme) ? host : `${host}:${port}`)
}

function normaliseIpv6(host: string): string | undefined {
  return URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname : undefined
}

/** RFC 3986 § 5.2.4, after percent-encoding was put into normal form, so that `%2e%2e` is a dot segment too. */
function normalisePath(path: string): Outcome<string> {
  if (path === '') return accept('')
  const kept: string[] = []
  const segments = path.slice(1).split('/')
  for (const [i, raw] of segments.entries()) {
    const segment = normaliseSegment(raw)
    const isLast = i === segments.length - 1
    if (segment === undefined) return refuse('must have a valid path without encoded slashes or control characters')
    if (segment === '' && !isLast) return refuse('must have no empty path segment')
    if (segment === '..') kept.pop()
    if (!isDotSegment(segment)) kept.push(segment)
    else if (isLast) kept.push('')
  }
  return accept(`/${kept.join('/')}`)
}
