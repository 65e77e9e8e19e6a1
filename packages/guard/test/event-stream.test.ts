// A stream of events over the wire, from a server that answers with the bytes that a test gives it.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { EventSourceMessage } from 'eventsource-parser'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Authority, newAuthority } from '../../test/tls.ts'
import { EventStreams, type StreamEnd } from '../src/feed/event-stream.ts'

const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
const events = 'event: heartbeat\ndata: {"epoch":1}\n\nevent: entries\nid: s.2\ndata: {"from":2,\ndata: "to":2}\n\n'
const parsed = [
  { event: 'heartbeat', id: undefined, data: '{"epoch":1}' },
  { event: 'entries', id: 's.2', data: '{"from":2,\n"to":2}' },
]

let authority: Authority
let server: Server
/** What the server does with the next connection, once the request has come. */
let answer: (socket: TLSSocket, request: string) => unknown
let origin: string
const resumed: boolean[] = []

beforeAll(async () => {
  authority = await newAuthority()
  const { cert, key } = await authority.issue('localhost')
  server = createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, socket => {
    resumed.push(socket.isSessionReused())
    socket.on('error', () => {})
    socket.once('data', data => answer(socket, data.toString('latin1')))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise(resolve => server.close(resolve)))

interface Read {
  readonly end: StreamEnd
  readonly events: readonly EventSourceMessage[]
}

async function read(change: object = {}, streams = new EventStreams(authority.pem)): Promise<Read> {
  const seen: EventSourceMessage[] = []
  const end = await streams.read({
    url: `${origin}/v1/feed?since=s.0`,
    headers: { authorization: 'Bearer mfr_1' },
    timeoutMs: 5_000,
    idleMs: 5_000,
    signal: new AbortController().signal,
    onEvent: event => {
      seen.push(event)
      return true
    },
    ...change,
  })
  return { end, events: seen }
}

const say = (text: string) => (socket: TLSSocket) => socket.end(text, 'latin1')

/** Writes in pieces that the other side reads one by one. */
const sayInPieces = (pieces: readonly string[]) => async (socket: TLSSocket) => {
  for (const piece of pieces) {
    await new Promise(resolve => socket.write(piece, 'latin1', resolve))
    await nextTurn()
  }
  socket.end()
}

const chunked = (pieces: readonly string[]): string =>
  `${pieces.map(piece => `${piece.length.toString(16)};x=1\r\n${piece}\r\n`).join('')}0\r\nTrailer: 1\r\n\r\n`

const cut = (text: string, at: readonly number[]): string[] => {
  const places = [...new Set(at.map(place => place % text.length))].toSorted((a, b) => a - b)
  return [0, ...places].map((from, i) => text.slice(from, [...places, text.length][i])).filter(piece => piece !== '')
}

describe('events arrive whole, in order and once', () => {
  test('however their bytes are cut, in chunks or not, after whatever is said before the answer', async () => {
    const cuts = fc.array(fc.nat(), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(cuts, cuts, fc.boolean(), fc.boolean(), async (inner, outer, inChunks, early) => {
        const body = inChunks ? `transfer-encoding: Chunked\r\n\r\n${chunked(cut(events, inner))}` : `\r\n${events}`
        answer = sayInPieces(cut(`${early ? 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' : ''}${head}${body}`, outer))
        expect(await read()).toEqual({ end: { why: 'ended', opened: true, status: 200 }, events: parsed })
      }),
      { numRuns: 40 },
    )
  })

  test('of many records at once', async () => {
    const data = 'x'.repeat(70_000)
    answer = say(`${head}\r\n${`data: ${data}\n\n`.repeat(5)}`)
    expect((await read()).events.map(event => event.data)).toEqual(Array.from({ length: 5 }, () => data))
  })

  test('and none after the one that was not wanted', async () => {
    answer = say(`${head}\r\n${events}`)
    const seen: string[] = []
    const { end } = await read({ onEvent: ({ data }: EventSourceMessage) => seen.push(data) === 0 })
    expect(end.why).toBe('unwanted')
    expect(seen).toEqual([parsed[0]!.data])
  })
})

test('the request asks for a stream, once, and for nothing to be kept open after it', async () => {
  let asked = ''
  answer = (socket, request) => {
    asked = request
    say(`${head}\r\n`)(socket)
  }
  await read()
  const { host } = new URL(origin)
  expect(asked).toBe(
    `GET /v1/feed?since=s.0 HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer mfr_1\r\naccept: text/event-stream\r\nconnection: close\r\n\r\n`,
  )
})

describe('what is no stream opens nothing', () => {
  test.each<[string, string, Partial<StreamEnd>]>([
    ['another status', 'HTTP/1.1 503 No\r\nRetry-After: 7\r\n\r\n', { why: 'refused', status: 503, retryAfterMs: 7000 }],
    ['another type', 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n', { why: 'refused', status: 200 }],
    ['no type', 'HTTP/1.1 200 OK\r\n\r\n', { why: 'refused', status: 200 }],
    ['a length', `${head}Content-Length: 5\r\n\r\n`, { why: 'refused', status: 200 }],
    ['a length and chunks', `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, { why: 'refused', status: 200 }],
    ['packed', `${head}Content-Encoding: gzip\r\n\r\n`, { why: 'refused', status: 200 }],
    ['packed chunks', `${head}Transfer-Encoding: gzip, chunked\r\n\r\n`, { why: 'refused', status: 200 }],
    ['another protocol', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n', { why: 'refused', status: 101 }],
    ['no HTTP', 'data: {}\n\ndata: {}\r\n\r\n', { why: 'failed' }],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', { why: 'failed' }],
    ['a folded line', `${head} folded\r\n\r\n`, { why: 'failed' }],
    ['a name with a space', `${head}Content-Length : 5\r\n\r\n`, { why: 'failed' }],
    ['a head without end', `${head}${'x: y\r\n'.repeat(10_000)}`, { why: 'failed' }],
    ['a head that was cut off', head, { why: 'ended' }],
  ])('%s', async (_what, text, end) => {
    answer = say(`${text}${events}`.replace(head === text ? events : '\0', ''))
    expect(await read()).toEqual({ end: { opened: false, ...end }, events: [] })
  })

  test('somebody who is not the broker: neither by authority nor by name', async () => {
    answer = () => expect.unreachable('a stranger was sent the credential')
    const stranger = await newAuthority('CN=Stranger')
    expect((await read({}, new EventStreams(stranger.pem))).end).toEqual({ why: 'failed', opened: false })
    const { port } = new URL(origin)
    const other = await read({ url: `https://127.0.0.2:${port}/v1/feed` })
    expect(other.end).toEqual({ why: 'failed', opened: false })
  })

  test('silence before the head', async () => {
    answer = () => {}
    expect((await read({ timeoutMs: 50 })).end).toEqual({ why: 'silent', opened: false })
  })

  test('nor is anything sent where the URL is not https, or a header would be two', async () => {
    answer = () => expect.unreachable('a request was sent')
    await expect(read({ url: origin.replace('https', 'http') })).rejects.toThrow('https only')
    await expect(read({ headers: { authorization: 'Bearer a\r\nx: y' } })).rejects.toThrow('authorization')
  })
})

describe('a stream ends', () => {
  test.each<[string, string]>([
    ['by a chunk that is none', 'zz\r\n'],
    ['by a chunk of another length', '1\r\nab\r\n'],
    ['by a line between chunks without end', 'a;'.padEnd(2000, 'x')],
  ])('%s', async (_what, body) => {
    answer = socket => socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${body}`, 'latin1')
    expect((await read()).end).toEqual({ why: 'failed', opened: true, status: 200 })
  })

  test('by an event that does not end', async () => {
    answer = socket => socket.write(`${head}\r\ndata: ${'x'.repeat(17 * 1024 * 1024)}`, 'latin1')
    expect((await read()).end).toEqual({ why: 'failed', opened: true, status: 200 })
  })

  test('where nothing comes', async () => {
    answer = socket => socket.write(`${head}\r\n${events}`, 'latin1')
    const { end, events: seen } = await read({ idleMs: 50 })
    expect(end).toEqual({ why: 'silent', opened: true, status: 200 })
    expect(seen).toEqual(parsed)
  })

  test('where its reader is closed', async () => {
    const closing = new AbortController()
    answer = socket => socket.write(`${head}\r\n${events}`, 'latin1')
    const onEvent = (): boolean => {
      closing.abort()
      return true
    }
    const { end } = await read({ signal: closing.signal, onEvent })
    expect(end.why).toBe('failed')
    expect((await read({ signal: closing.signal })).end).toEqual({ why: 'failed', opened: false })
  })

  test('where the wire is cut, and the next one goes on with its TLS session', async () => {
    const streams = new EventStreams(authority.pem)
    answer = say(`${head}\r\nretry: 70\n\n`)
    expect((await read({}, streams)).end).toEqual({ why: 'ended', opened: true, status: 200, retryAfterMs: 70 })
    answer = socket => socket.write(`${head}\r\n`, () => socket.destroy())
    expect((await read({}, streams)).end).toMatchObject({ opened: true, status: 200 })
    expect(resumed.at(-1)).toBe(true)
  })
})
