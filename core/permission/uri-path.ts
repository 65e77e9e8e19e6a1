// Path segments in one spelling (RFC 3986 § 6.2.2): `%xx` in upper case, unreserved characters never encoded. What routers
// read in two ways is refused: encoded slashes and backslashes, encoded control characters, dot segments, empty segments.

const plainSegment = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]*$/
const pathSegment = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*$/
const unreserved = /[A-Za-z0-9\-._~]/
const ambiguousByte = /%(?:2F|5C|7F|[01][0-9A-F])/

/** A segment in normal form, or undefined when it is malformed or ambiguous. Dot segments are left to the caller. */
export function normaliseSegment(segment: string): string | undefined {
  if (plainSegment.test(segment)) return segment
  if (!pathSegment.test(segment)) return undefined
  const normal = segment.replace(/%[0-9A-Fa-f]{2}/g, encoded => {
    const decoded = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return unreserved.test(decoded) ? decoded : encoded.toUpperCase()
  })
  return ambiguousByte.test(normal) ? undefined : normal
}

export const isDotSegment = (segment: string): boolean => segment === '.' || segment === '..'

/**
 * The segments behind the leading slash of a live request's path, in normal form; undefined when the path is not one that
 * every router reads alike: dot segments, empty segments (but for a last one, a trailing slash), `%2F`, a query.
 */
export function pathSegments(path: string): readonly string[] | undefined {
  if (!path.startsWith('/')) return undefined
  const segments = path.slice(1).split('/')
  for (const [i, segment] of segments.entries()) {
    const normal = normaliseSegment(segment)
    if (normal === undefined || isDotSegment(normal) || (normal === '' && i < segments.length - 1)) return undefined
    segments[i] = normal
  }
  return segments
}
