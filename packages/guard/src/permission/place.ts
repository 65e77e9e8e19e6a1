// Where the resource stands: its URI, and the path under which this server sees it. The origin is configured, never taken
// from `Host` or a forwarding header, so no caller can move the resource.

import { splitPath } from './live-path.ts'

/** The resource as the guard's owner configured it. */
export interface ResourcePlace {
  /** Scheme, host and port; undefined for a resource that is no http(s) URI. */
  readonly origin: string | undefined
  /** Path segments of the resource URI, without a trailing empty one. */
  readonly segments: readonly string[]
  /** Path segments that stand before the granted ones in a live request. */
  readonly mount: readonly string[]
  /** The URI in the form in which locations are compared. */
  readonly uri: string
}

/**
 * Places a resource. `mountPath` is the path under which this server sees the resource, where a proxy in front of it
 * changes paths; by default that of the resource's own URI. Throws a TypeError when either is not usable.
 */
export function placeResource(resource: string, mountPath?: string): ResourcePlace {
  const url = new URL(resource)
  if (url.hash || url.username || url.password)
    throw new TypeError('resource must be a URI without fragment or user (RFC 8707 § 2)')
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  const segments = isWeb ? directory(url.pathname) : []
  const mount = mountPath === undefined ? segments : directory(mountPath)
  return { origin: isWeb ? url.origin : undefined, segments, mount, uri: comparable(resource) }
}

/** The segments of `location` below the resource; undefined where it lies elsewhere. */
export function segmentsBelow(location: string, place: ResourcePlace): readonly string[] | undefined {
  if (place.origin === undefined || !URL.canParse(location)) return undefined
  const url = new URL(location)
  if (url.origin !== place.origin || url.search || url.hash || url.username || url.password) return undefined
  const path = splitPath(url.pathname)
  const segments = path?.at(-1) === '' ? path.slice(0, -1) : path
  if (!segments || !place.segments.every((segment, at) => segments[at] === segment)) return undefined
  return segments.slice(place.segments.length)
}

/** The form in which two URIs are compared: scheme and host in lower case, default port dropped, the rest untouched. */
function comparable(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).href : uri
}

/** Whether one of the locations is the resource itself. A location below it grants nothing on the whole. */
export function isAt(locations: ReadonlySet<string>, place: ResourcePlace): boolean {
  return [...locations].some(location => comparable(location) === place.uri)
}

function directory(path: string): readonly string[] {
  const segments = splitPath(path)
  if (!segments) throw new TypeError('the path of the resource must be plain: no dot segments, empty segments or encoded slashes')
  return segments.at(-1) === '' ? segments.slice(0, -1) : segments
}
