// The path of a live request, taken apart as a router would, and refused where two parties could read it differently:
// encoded slashes, dot segments, empty segments, path parameters, doubly encoded forms of these. Whoever grants
// `/orders/{id}` must not find `/orders/..%2fadmin` let through.

/** The target of a request. */
export interface LivePath {
  /** Decoded segments; the last one is empty where the path ends in a slash. */
  readonly segments: readonly string[]
  /** The path as sent, without query. */
  readonly path: string
  readonly hasQuery: boolean
}

const maxPathChars = 4096

/** What a router may see after decoding once more. */
const ambiguous = /[\\/\u0000-\u001f\u007f]|%2f|%5c|%2e|%25|%00/i
/** A path without query whose segments are plain characters, which is how nearly all come. */
const plainPath = /^(?:\/[A-Za-z0-9\-._~!$&'()*+,=:@]*)+$/
/** RFC 3986 § 3.3 `pchar`. */
const segmentGrammar = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*$/

/**
 * Parses a request target in origin form (`/path?query`) or an absolute http(s) URL, whose origin is ignored.
 * Undefined where the path is not plain.
 */
export function parseLivePath(target: string): LivePath | undefined {
  if (target.length > maxPathChars) return undefined
  if (plainPath.test(target)) {
    const segments = splitPlain(target)
    return segments && { segments, path: target, hasQuery: false }
  }
  const originForm = target.startsWith('/') ? target : absolutePath(target)
  if (originForm === undefined || originForm.includes('#')) return undefined
  const question = originForm.indexOf('?')
  const path = question < 0 ? originForm : originForm.slice(0, question)
  // Path parameters: some routers cut a segment there, others do not.
  if (path.includes(';')) return undefined
  const segments = splitPath(path)
  return segments && { segments, path, hasQuery: question >= 0 }
}

/** Decoded segments of a plain path; undefined where it is not plain. Only the last segment may be empty. */
export function splitPath(path: string): readonly string[] | undefined {
  if (!path.startsWith('/')) return undefined
  const segments: string[] = []
  const raw = path.slice(1).split('/')
  for (let at = 0; at < raw.length; at += 1) {
    const segment = decodeSegment(raw[at]!)
    if (segment === undefined || (segment === '' && at < raw.length - 1)) return undefined
    segments.push(segment)
  }
  return segments
}

/** The same for a path that has nothing to decode. */
function splitPlain(path: string): readonly string[] | undefined {
  const segments: string[] = []
  for (let from = 1; ; ) {
    const slash = path.indexOf('/', from)
    const segment = slash < 0 ? path.slice(from) : path.slice(from, slash)
    if (segment === '.' || segment === '..') return undefined
    segments.push(segment)
    if (slash < 0) return segments
    if (segment === '') return undefined
    from = slash + 1
  }
}

/** Decodes one path segment once; undefined where the result would still be open to another reading. */
export function decodeSegment(part: string): string | undefined {
  if (!segmentGrammar.test(part)) return undefined
  let segment = part
  if (part.includes('%')) {
    try {
      segment = decodeURIComponent(part)
    } catch {
      return undefined
    }
  }
  if (segment === '.' || segment === '..' || ambiguous.test(segment)) return undefined
  return segment
}

/** Older parsers of URLs end a host at the first character that none has, and take the rest of it for the path. */
const plainOrigin = /^https?:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?=\/)/i

/** What follows the origin of a target in absolute form (RFC 9112 § 3.2.2); undefined where all cannot agree on where that is. */
export function absolutePath(target: string): string | undefined {
  const origin = plainOrigin.exec(target)?.[0]
  return origin === undefined ? undefined : target.slice(origin.length)
}
