// What the guard is told about a live request, and the few headers that it reads from it. Forwarding headers
// (`X-Forwarded-*`, `Client-Cert`, `X-Forwarded-Client-Cert`) are never read: anybody can send them.

import type { Reason } from './verdict.ts'

/**
 * Names and values as Node gives them, a `Headers` object, or one flat list (Node's `rawHeaders`), which is the quickest.
 * Names are compared without regard to case.
 */
export type RequestHeaders = Headers | readonly string[] | Readonly<Record<string, string | readonly string[] | undefined>>

/** The raw body as received, before any parsing. */
export type RequestBody = Uint8Array | string

/** An action on one row or object, for example behind a database proxy. */
export interface RowOperation {
  readonly type: 'agent_row'
  /** As the resource names it, for example `read`. */
  readonly action: string
  /** Which one, for example `orders/42`; percent-encoded as granted. */
  readonly identifier: string
}

/** A call of one tool of an MCP server. */
export interface ToolOperation {
  readonly type: 'agent_tool'
  readonly tool: string
  /** The call's arguments as parsed from JSON. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/**
 * Does nothing that a permission could name: opens a session, lists what there is. Whoever holds anything at all for this
 * resource may.
 */
export interface PresenceOperation {
  readonly type: 'presence'
}

/** What a request does where its method and path do not say it. */
export type Operation = RowOperation | ToolOperation | PresenceOperation

/** A request to judge. */
export interface GuardedRequest {
  readonly method: string
  /** Request target in origin form (`/orders/42`) or an absolute URL, whose origin is ignored. As the handler will see it. */
  readonly url: string
  readonly headers: RequestHeaders
  /**
   * The certificate of the TLS peer of this very connection, DER, or its RFC 8705 thumbprint (base64url SHA-256 of the DER).
   * Only from the TLS layer, never from a header.
   */
  readonly certificate?: Uint8Array | string | undefined
  /** The body, or how to read it. Read only where the grant names a digest. */
  readonly body?: RequestBody | (() => RequestBody | Promise<RequestBody>) | undefined
  /**
   * Replaces method and path as what is held against the grant; or how to find it, called only once the token is known to
   * be good. A function that throws or finds nothing refuses the request.
   */
  readonly operation?: Operation | (() => Operation | undefined | Promise<Operation | undefined>) | undefined
  /** Scopes that the operation needs; decide only for tokens that carry no `authorization_details`. */
  readonly scope?: readonly string[] | undefined
}

/** How a token came; its text is not looked at yet. */
export interface Credentials {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
  /** Values of the `DPoP` header. */
  readonly proofs: readonly string[]
}

/** Headers with which some frameworks replace the method or path after the guard has judged it. */
const overrides = ['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-url', 'x-rewrite-url']
const shortestOverride = Math.min(...overrides.map(name => name.length))

/** Whether the request asks for another method or path than it shows. */
export function hasOverride(headers: RequestHeaders): boolean {
  if (!isFlat(headers)) return overrides.some(name => valuesOf(headers, name).length > 0)
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const key = headers[at]!
    const startsWithX = key.charCodeAt(0) === 0x78 || key.charCodeAt(0) === 0x58
    if (startsWithX && key.length >= shortestOverride && overrides.includes(key.toLowerCase())) return true
  }
  return false
}

/** Reads the one `Authorization` header (RFC 6750 § 2.1, RFC 9449 § 7.1). Tokens in a query or body are not accepted. */
export function readCredentials(headers: RequestHeaders): Credentials | Reason {
  const values = valuesOf(headers, 'authorization')
  if (values.length === 0) return 'no_credentials'
  const value = values[0] ?? ''
  const space = value.indexOf(' ')
  const scheme = value.startsWith('Bearer ') ? 'bearer' : (space < 0 ? value : value.slice(0, space)).toLowerCase()
  if (values.length > 1) return 'credentials_malformed'
  if (scheme !== 'bearer' && scheme !== 'dpop') return 'no_credentials'
  if (space < 0) return 'credentials_malformed'
  // Proofs are for tokens of that scheme alone.
  return { scheme, token: value.slice(space + 1), proofs: scheme === 'dpop' ? valuesOf(headers, 'dpop') : none }
}

function valuesOf(headers: RequestHeaders, name: string): readonly string[] {
  if (isFlat(headers)) return valuesInList(headers, name)
  if (headers instanceof Headers) {
    const value = headers.get(name)
    return value === null ? none : [value]
  }
  const values: string[] = []
  for (const key in headers) {
    if (key.length !== name.length || key.toLowerCase() !== name) continue
    const value = headers[key]
    if (typeof value === 'string') values.push(value)
    else if (value) values.push(...value)
  }
  return values
}

const none: readonly string[] = Object.freeze([])
const isFlat = (headers: RequestHeaders): headers is readonly string[] => Array.isArray(headers)

function valuesInList(headers: readonly string[], name: string): readonly string[] {
  let values: string[] | undefined
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const key = headers[at]!
    if (key.length !== name.length || (key !== name && key.toLowerCase() !== name)) continue
    values ??= []
    values.push(headers[at + 1]!)
  }
  return values ?? none
}
