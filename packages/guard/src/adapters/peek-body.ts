// Reads the raw body of a Node request before anybody has parsed it, and puts it back, so that whatever parses it afterwards
// finds it as if nobody had been there. What was read before us cannot be had as bytes any more: then there is no body to hold
// against a digest, and the request is refused.

import type { IncomingMessage } from 'node:http'

const peeked = new WeakMap<IncomingMessage, Promise<Buffer>>()

/** Whether somebody has read from the body already. */
export const isBodyRead = (request: IncomingMessage): boolean =>
  !peeked.has(request) && (request.readableDidRead || request.readableEnded)

/** The raw body; reads it at most once. Rejects where it is larger than the limit, broke off, or was read by somebody before. */
export function peekBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  let body = peeked.get(request)
  if (!body) {
    body = isBodyRead(request)
      ? Promise.reject(new Error('the body was read before the guard: put the guard in front of body parsers'))
      : collect(request, limitBytes)
    peeked.set(request, body)
  }
  return body
}

function collect(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  // Nothing to read, so nothing to put back: a read would end the stream.
  if (request.complete && request.readableLength === 0) return Promise.resolve(Buffer.alloc(0))
  return new Promise((resolve, reject) => readAndPutBack(request, limitBytes, resolve, reject))
}

function readAndPutBack(
  request: IncomingMessage,
  limitBytes: number,
  resolve: (body: Buffer) => void,
  reject: (error: Error) => void,
): void {
  const chunks: Buffer[] = []
  let size = 0
  const finish = (error?: Error): void => {
    request.off('readable', take).off('end', brokenOff).off('close', brokenOff).off('error', finish)
    if (error) reject(error)
  }
  const brokenOff = (): void => finish(new Error('the body broke off'))
  const take = (): void => {
    for (let chunk = request.read() as Buffer | null; chunk !== null; chunk = request.read() as Buffer | null) {
      size += chunk.length
      chunks.push(chunk)
    }
    if (size > limitBytes) {
      finish(new Error('the body is larger than the route allows'))
      // Nobody may read half of it, and the connection must get past it.
      request.resume()
    } else if (request.complete) {
      finish()
      const whole = Buffer.concat(chunks)
      // In the same turn in which the last of it was read: the stream ends in the next one, unless there is something in it.
      request.unshift(whole)
      resolve(whole)
    }
  }
  request.on('readable', take).on('end', brokenOff).on('close', brokenOff).on('error', finish)
}
