// Connections to a stream of server-sent events.
//
// HTTP/1.1 is spoken here, over node:tls: a guard that hears of a revocation has done nothing for a while, so what an event costs
// is the code that it runs through for the first time in a while, and node:https makes that a third more.

import { isIP, type OnReadOpts } from 'node:net'
import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import type { EventSourceMessage } from 'eventsource-parser'
import { StreamReading } from './stream-reading.ts'

/** What is to be read, and how. */
export interface StreamRequest {
  /** https */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** For the answer's head. */
  readonly timeoutMs: number
  /** Longest silence. */
  readonly idleMs: number
  readonly signal: AbortSignal
  /** False ends the stream. */
  readonly onEvent: (event: EventSourceMessage) => boolean
}

/**
 * How a stream ended. `opened` tells whether it was one at all; `broken`: what came is no HTTP, or no events, and would perhaps come
 * again in the same way.
 */
export interface StreamEnd {
  readonly why: 'ended' | 'refused' | 'silent' | 'broken' | 'failed' | 'unwanted'
  readonly opened: boolean
  /** The answer's status, where there was one. */
  readonly status?: number
  /** When the broker wants to be asked again. */
  readonly retryAfterMs?: number
}

/** Opens streams at one broker, each with the TLS session of the one before. */
export class EventStreams {
  readonly #ca: ConnectionOptions['ca']
  /** Made once: reading the authorities takes longer than a handshake. */
  #context: SecureContext | undefined
  #session: Buffer | undefined

  /** ca: PEM of the authorities that may vouch for the broker; undefined: the system's. */
  constructor(ca: ConnectionOptions['ca']) {
    this.#ca = ca
  }

  /**
   * Reads a stream until it ends. It keeps no process alive. Rejects only what cannot be asked at all: a URL that is not https, a
   * header with a line break, authorities that are none.
   */
  async read(request: StreamRequest): Promise<StreamEnd> {
    if (request.signal.aborted) return { why: 'failed', opened: false }
    const url = new URL(request.url)
    if (url.protocol !== 'https:') throw new TypeError('the broker is reached by https only')
    const head = requestHead(url, request.headers)
    return new Promise(resolve => {
      new StreamReading(request, onread => this.#connect(url, onread), resolve).begin(head)
    })
  }

  #connect({ hostname, port }: URL, onread: OnReadOpts): TLSSocket {
    this.#context ??= createSecureContext({ minVersion: 'TLSv1.2', ...(this.#ca === undefined ? {} : { ca: this.#ca }) })
    const host = hostname.replace(/^\[|\]$/g, '')
    const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
      host,
      port: port === '' ? 443 : Number(port),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(this.#session === undefined ? {} : { session: this.#session }),
      secureContext: this.#context,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      onread,
    }
    const socket = connect(options)
    socket.on('session', session => {
      // Of a broker that is not who it should be nothing is kept: whose session goes on is not asked for its name again.
      if (socket.authorized) this.#session = session
    })
    socket.on('error', () => {
      this.#session = undefined
    })
    return socket
  }
}

const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** The request, in latin1. Throws a TypeError for a header that would be more than one. */
function requestHead({ host, pathname, search }: URL, headers: Readonly<Record<string, string>>): string {
  const fields = Object.entries({ host, ...headers, accept: 'text/event-stream', connection: 'close' })
  const wrong = fields.find(([, value]) => !fieldValue.test(value))
  if (wrong) throw new TypeError(`the header ${wrong[0]} holds characters that no header may`)
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`
}
