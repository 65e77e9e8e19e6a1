// What `htu` must name: the address under which clients reach this request, without query and fragment. Its origin comes from
// the guard's options, never from `Host` or a forwarding header: else whoever sends the request says what the proof is for.
// Both addresses are brought to one form before they are compared (RFC 9449 § 4.3, RFC 3986 §§ 6.2.2, 6.2.3).

import { parseLivePath } from '../permission/live-path.ts'

const maxChars = 4096
/** RFC 3986 § 2. What a URL parser would mend by itself (backslashes, line breaks, spaces) is no URI. */
const uriGrammar = /^https?:\/\/[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/i
const unreserved = /[A-Za-z0-9\-._~]/

/** An http(s) URI in the form in which two are compared; undefined for anything else. Never throws. */
export function normaliseTarget(uri: string): string | undefined {
  if (uri.length > maxChars || !uriGrammar.test(uri) || !URL.canParse(uri)) return undefined
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '') return undefined
  return `${url.protocol}//${url.host}${sameEscapes(url.pathname)}`
}

/** `%7e` is `~`, and `%2f` is `%2F` but never a slash. */
function sameEscapes(path: string): string {
  return path.replace(/%[0-9A-Fa-f]{2}/g, escaped => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return unreserved.test(character) ? character : escaped.toUpperCase()
  })
}

/** Finds the address of a live request. Where a proxy changes paths, only what lies below the resource has one. */
export class ProofTarget {
  readonly #origin: string
  readonly #publicPath: string
  readonly #mountPath: string

  /**
   * publicUrl: where clients reach the resource. mountPath: the path under which this server sees the same place; default
   * the path of publicUrl, for a server that sees paths as its clients do.
   */
  constructor(publicUrl: string, mountPath?: string) {
    const url = new URL(publicUrl)
    this.#origin = url.origin
    this.#publicPath = withoutSlash(url.pathname)
    this.#mountPath = mountPath === undefined ? this.#publicPath : withoutSlash(mountPath)
  }

  /** The normal form of the address; undefined where the request lies outside of what is mounted elsewhere. */
  of(requestTarget: string): string | undefined {
    const path = parseLivePath(requestTarget)?.path
    if (path === undefined) return undefined
    if (this.#mountPath === this.#publicPath) return normaliseTarget(`${this.#origin}${path}`)
    if (path !== this.#mountPath && !path.startsWith(`${this.#mountPath}/`)) return undefined
    return normaliseTarget(`${this.#origin}${this.#publicPath}${path.slice(this.#mountPath.length)}`)
  }
}

const withoutSlash = (path: string): string => (path.endsWith('/') ? path.slice(0, -1) : path)
