// One stream of server-sent events, from the request to its end. It ends by itself where no event came for a while: a heartbeat is
// due each second, so silence is a connection that was cut without a word, or a proxy that keeps what it should pass on. Bytes
// that never make an event are silence too.

import type { OnReadOpts } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { createParser, type EventSourceParser } from 'eventsource-parser'
import { ChunkedText } from './chunked-text.ts'
import type { StreamEnd, StreamRequest } from './event-stream.ts'
import { framingOf, isEventStream, parseResponseHead, type ResponseHead, retryAfter } from './response-head.ts'

/**
 * Most that comes from one event to the next, all told: an event of a thousand entries is a twentieth of it. The parser's own limit
 * counts only what it will hand out, while what it keeps holds on to all that came along, which is a thousand times as much.
 */
const mostBetweenEvents = 1024 * 1024
const mostHeadChars = 32 * 1024
/** What one TLS record holds. */
const readBytes = 16 * 1024

export class StreamReading {
  readonly #request: StreamRequest
  readonly #socket: TLSSocket
  readonly #parser: EventSourceParser
  readonly #stopSilent = (): void => this.#stop('silent')
  readonly #stopFailed = (): void => this.#stop('failed')
  #timer: NodeJS.Timeout
  #end: StreamEnd = { why: 'failed', opened: false }
  #isOver = false
  /** What has come of the head; undefined: all of it. */
  #head: string | undefined = ''
  #chunks: ChunkedText | undefined
  /** What has come since the last event. */
  #sinceEvent = 0

  /** open: makes the connection, which reads into the one buffer that it is given. onEnd: called once. */
  constructor(request: StreamRequest, open: (onread: OnReadOpts) => TLSSocket, onEnd: (end: StreamEnd) => void) {
    this.#request = request
    this.#parser = this.#createParser()
    const buffer = Buffer.allocUnsafeSlow(readBytes)
    this.#socket = open({ buffer, callback: count => this.#take(buffer.toString('latin1', 0, count)) })
    this.#timer = setTimeout(this.#stopSilent, request.timeoutMs).unref()
    request.signal.addEventListener('abort', this.#stopFailed)
    this.#socket.on('end', () => this.#stop('ended'))
    this.#socket.on('close', () => {
      clearTimeout(this.#timer)
      request.signal.removeEventListener('abort', this.#stopFailed)
      onEnd(this.#end)
    })
    this.#socket.unref()
  }

  /** head: of the request, in latin1. */
  begin(head: string): void {
    this.#socket.write(head, 'latin1')
  }

  #createParser(): EventSourceParser {
    return createParser({
      onEvent: event => {
        if (this.#isOver) return
        this.#sinceEvent = 0
        this.#timer.refresh()
        if (!this.#request.onEvent(event)) this.#stop('unwanted')
      },
      onRetry: retryAfterMs => {
        this.#end = { ...this.#end, retryAfterMs }
      },
      onError: error => {
        // A line that no broker writes. Thrown, because the parser would make an error of each of thousands in one read.
        throw error
      },
    })
  }

  #stop(why: StreamEnd['why']): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#end = { ...this.#end, why }
    this.#socket.destroy()
  }

  /** What has come, in latin1: nothing in a feed has need of other characters. Whether more is wanted. */
  #take(text: string): boolean {
    if (this.#isOver) return false
    if (this.#head === undefined) this.#takeBody(text)
    else this.#takeHead(this.#head + text)
    return !this.#isOver
  }

  #takeBody(text: string): void {
    const body = this.#chunks ? this.#chunks.take(text) : text
    this.#sinceEvent += text.length
    if (body === undefined || !this.#isParsed(body) || this.#sinceEvent > mostBetweenEvents) this.#stop('broken')
    else if (this.#chunks?.hasEnded) this.#stop('ended')
  }

  #isParsed(body: string): boolean {
    try {
      this.#parser.feed(body)
      return true
    } catch {
      return false
    }
  }

  #takeHead(text: string): void {
    const end = text.indexOf('\r\n\r\n')
    const head = end < 0 ? undefined : parseResponseHead(text.slice(0, end))
    this.#head = text
    if (end < 0 && text.length <= mostHeadChars) return
    if (!head) {
      this.#stop('broken')
      return
    }
    const rest = text.slice(end + 4)
    // What is said before the answer (RFC 9110 § 15.2). Nobody asked for another protocol.
    if (head.status < 200 && head.status !== 101) this.#takeHead(rest)
    else this.#open(head, rest)
  }

  #open(head: ResponseHead, rest: string): void {
    const { status, headers } = head
    const framing = framingOf(head)
    this.#head = undefined
    this.#end = { ...this.#end, status, ...retryAfter(headers.get('retry-after')) }
    if (!isEventStream(head) || !framing) {
      this.#stop('refused')
      return
    }
    this.#end = { ...this.#end, opened: true }
    if (framing === 'chunked') this.#chunks = new ChunkedText()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#stopSilent, this.#request.idleMs).unref()
    if (rest !== '') this.#takeBody(rest)
  }
}
