// The head of an HTTP/1.1 answer (RFC 9112), as far as a stream of events needs it, and read strictly: what has another shape is no
// answer, and the guard asks again.

/** A head, parsed. headers: by name in lower case; of a name that comes twice, the values with a comma between them. */
export interface ResponseHead {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
}

const statusLine = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
const fieldLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/

/** text: in latin1, without the empty line that ends it. Undefined where it is none. */
export function parseResponseHead(text: string): ResponseHead | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const status = statusLine.exec(first)?.[1]
  if (status === undefined) return undefined
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name = '', value = ''] = fieldLine.exec(line) ?? []
    if (name === '') return undefined
    const known = headers.get(name.toLowerCase())
    headers.set(name.toLowerCase(), known === undefined ? value.trimEnd() : `${known}, ${value.trimEnd()}`)
  }
  return { status: Number(status), headers }
}

/**
 * How a stream's body comes: as it is, until the connection ends, as the broker sends it, or in chunks, as some proxies pass it on
 * (RFC 9112 § 6.3). Undefined: in a way that no stream comes in.
 */
export function framingOf({ headers }: ResponseHead): 'plain' | 'chunked' | undefined {
  if (headers.has('content-length') || headers.has('content-encoding')) return undefined
  const coding = headers.get('transfer-encoding')
  if (coding === undefined) return 'plain'
  return coding.toLowerCase() === 'chunked' ? 'chunked' : undefined
}

/** `Retry-After` in seconds (RFC 9110 § 10.2.3); dates are not understood. */
export function retryAfter(header: string | undefined): { readonly retryAfterMs?: number } {
  return header !== undefined && /^\d{1,6}$/.test(header) ? { retryAfterMs: Number(header) * 1000 } : {}
}
