// The head of an HTTP/1.1 answer (RFC 9112), as far as a stream of events needs it, and read strictly: what has another shape is no
// answer, and the guard asks again.

/** A head, parsed. headers: by name in lower case; of a name that comes twice, the values with a comma between them. */
export interface ResponseHead {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
}

const statusLine = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
const fieldLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)$/

/** text: in latin1, without the empty line that ends it. Undefined where it is none. */
export function parseResponseHead(text: string): ResponseHead | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const status = statusLine.exec(first)?.[1]
  if (status === undefined) return undefined
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name = '', spaced = ''] = fieldLine.exec(line) ?? []
    if (name === '') return undefined
    const value = withoutSpace(spaced)
    const known = headers.get(name.toLowerCase())
    headers.set(name.toLowerCase(), known === undefined ? value : `${known}, ${value}`)
  }
  return { status: Number(status), headers }
}

/** Without the blanks around it: those alone (RFC 9110 § 5.6.3), in a time that grows with its length and no faster. */
function withoutSpace(value: string): string {
  const isBlank = (at: number): boolean => value[at] === ' ' || value[at] === '\t'
  let from = 0
  let to = value.length
  while (from < to && isBlank(from)) from += 1
  while (to > from && isBlank(to - 1)) to -= 1
  return value.slice(from, to)
}

const eventStream = /^text\/event-stream[ \t]*(?:;|$)/i

/** Whether it says that a stream of events follows (WHATWG HTML § 9.2.4), and says it once. */
export const isEventStream = ({ status, headers }: ResponseHead): boolean =>
  status === 200 && eventStream.test(headers.get('content-type') ?? '')

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
