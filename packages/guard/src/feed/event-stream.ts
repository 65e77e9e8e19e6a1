// One connection to a stream of server-sent events, from the request to its end. It ends by itself where nothing came for a
// while: a heartbeat is due each second, so silence is a connection that was cut without a word, or a proxy that keeps what
// it should pass on.

import { type Agent, request } from 'node:https'
import { createParser, type EventSourceMessage } from 'eventsource-parser'

/** What is to be read, and how. */
export interface StreamRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly agent: Agent
  /** For the answer's head. */
  readonly timeoutMs: number
  /** Longest silence. */
  readonly idleMs: number
  readonly signal: AbortSignal
  /** False ends the stream. */
  readonly onEvent: (event: EventSourceMessage) => boolean
}

/** How a stream ended. `opened` tells whether it was one at all. */
export interface StreamEnd {
  readonly why: 'ended' | 'refused' | 'silent' | 'failed' | 'unwanted'
  readonly opened: boolean
  /** The answer's status, where there was one. */
  readonly status?: number
  /** When the broker wants to be asked again. */
  readonly retryAfterMs?: number
}

/** Longest text of one event; beyond it the stream is ended. */
const mostBuffered = 16 * 1024 * 1024

/** Reads a stream until it ends. Never rejects. It keeps no process alive. */
export function readStream(options: StreamRequest): Promise<StreamEnd> {
  return new Promise(resolve => {
    let end: StreamEnd = { why: 'failed', opened: false }
    const sent = request(options.url, {
      headers: { ...options.headers, accept: 'text/event-stream' },
      agent: options.agent,
      signal: options.signal,
    })
    const stop = (why: StreamEnd['why']) => {
      end = { ...end, why }
      sent.destroy()
    }
    let timer = setTimeout(() => stop('silent'), options.timeoutMs).unref()
    sent.on('socket', socket => socket.unref())
    sent.on('error', () => {})
    sent.on('close', () => {
      clearTimeout(timer)
      resolve(end)
    })
    sent.on('response', response => {
      clearTimeout(timer)
      const { statusCode: status = 0, headers } = response
      end = { ...end, status, ...retryAfter(headers['retry-after']) }
      if (status !== 200 || !headers['content-type']?.startsWith('text/event-stream')) return stop('refused')
      end = { ...end, opened: true }
      timer = setTimeout(() => stop('silent'), options.idleMs).unref()
      const parser = createParser({
        maxBufferSize: mostBuffered,
        onEvent: event => {
          if (!sent.destroyed && !options.onEvent(event)) stop('unwanted')
        },
        onRetry: retryAfterMs => {
          end = { ...end, retryAfterMs }
        },
        onError: error => {
          if (error.type === 'max-buffer-size-exceeded') stop('failed')
        },
      })
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        timer.refresh()
        parser.feed(chunk)
      })
      response.on('end', () => stop('ended'))
      response.on('error', () => stop('ended'))
    })
    sent.end()
  })
}

/** `Retry-After` in seconds (RFC 9110 § 10.2.3); dates are not understood. */
export function retryAfter(header: string | undefined): { readonly retryAfterMs?: number } {
  return header !== undefined && /^\d{1,6}$/.test(header) ? { retryAfterMs: Number(header) * 1000 } : {}
}
