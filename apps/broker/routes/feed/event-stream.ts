import type { ServerResponse } from 'node:http'
import type { FeedSink } from '#core/feed/feed-stream.ts'

const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' }

/** A connection that breaks says so by its `close`. */
const ignore = (): void => {}

/** Whoever does not take the last words by then gets none. */
const goodbyeMs = 5_000

/**
 * Makes an answer a stream of server-sent events (WHATWG HTML § 9.2). It ends with its connection (RFC 9112 § 6.3), so that events
 * go out as they are, without the frame that chunked coding would put around each for each reader.
 */
export function openEventStream(response: ServerResponse): FeedSink {
  response.shouldKeepAlive = false
  response.useChunkedEncodingByDefault = false
  response.on('error', ignore)
  response.writeHead(200, headers)
  response.flushHeaders()
  // Straight to the connection: an answer corks and uncorks it for each event, which costs half as much again as sending it.
  const way = response.socket ?? response
  return {
    write: bytes => void way.write(bytes),
    unsentBytes: () => way.writableLength,
    end(lastBytes) {
      response.end(lastBytes)
      const timer = setTimeout(() => response.destroy(), goodbyeMs).unref()
      response.once('close', () => clearTimeout(timer))
    },
    cut: () => void response.destroy(),
  }
}
