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
import { parseResponseHead } from '../src/feed/response-head.ts'

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
    ['no HTTP', 'data: {}\n\ndata: {}\r\n\r\n', { why: 'broken' }],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', { why: 'broken' }],
    ['a folded line', `${head} folded\r\n\r\n`, { why: 'broken' }],
    ['a name with a space', `${head}Content-Length : 5\r\n\r\n`, { why: 'broken' }],
    ['a head without end', `${head}${'x: y\r\n'.repeat(10_000)}`, { why: 'broken' }],
    ['a head of bare line feeds', `${head}\n\n${'x: y\n'.repeat(10_000)}`, { why: 'broken' }],
    ['a bare line feed in a value', `${head}X: y\nContent-Length: 5\r\n\r\n`, { why: 'broken' }],
    ['a control character in a value', `${head}X: y\x01\r\n\r\n`, { why: 'broken' }],
    ['a length, twice', `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, { why: 'refused', status: 200 }],
    ['chunks, twice', `${head}${'Transfer-Encoding: chunked\r\n'.repeat(2)}\r\n`, { why: 'refused', status: 200 }],
    ['chunks with another blank', `${head}Transfer-Encoding: chunked\xa0\r\n\r\n`, { why: 'refused', status: 200 }],
    ['two types', `${head}Content-Type: text/html\r\n\r\n`, { why: 'refused', status: 200 }],
    [
      'a type that begins like it',
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\n\r\n',
      { why: 'refused', status: 200 },
    ],
    ['nothing', 'HTTP/1.1 204 No\r\nContent-Type: text/event-stream\r\n\r\n', { why: 'refused', status: 204 }],
    ['unchanged', 'HTTP/1.1 304 No\r\nContent-Type: text/event-stream\r\n\r\n', { why: 'refused', status: 304 }],
    ['elsewhere', 'HTTP/1.1 307 No\r\nLocation: /v1/feed\r\n\r\n', { why: 'refused', status: 307 }],
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

test('a head is read in a time that grows with its length and no faster', () => {
  const text = `HTTP/1.1 200 OK\r\nx:${' '.repeat(48_000)}\x01`
  const from = performance.now()
  expect(parseResponseHead(text)).toBeUndefined()
  expect(performance.now() - from).toBeLessThan(300)
  expect(parseResponseHead('HTTP/1.1 200\r\nx: \t a\xa0 b \t')?.headers.get('x')).toBe('a\xa0 b')
})

describe('a stream ends', () => {
  test.each<[string, string]>([
    ['by a chunk that is none', 'zz\r\n'],
    ['by a chunk of another length', '1\r\nab\r\n'],
    ['by a line between chunks without end', 'a;'.padEnd(2000, 'x')],
    ['by a chunk with a sign', '-1\r\na\r\n'],
    ['by a chunk with a blank before its size', ' 1\r\na\r\n'],
    ['by a chunk of more than can be', '100000000\r\n'],
    ['by a chunk without size', ';x\r\n'],
    ['by a chunk of two lines', '1;\nx\r\na\r\n'],
  ])('%s', async (_what, body) => {
    answer = socket => socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${body}`, 'latin1')
    expect((await read()).end).toEqual({ why: 'broken', opened: true, status: 200 })
  })

  test('by an event that does not end', async () => {
    answer = socket => socket.write(`${head}\r\ndata: ${'x'.repeat(17 * 1024 * 1024)}`, 'latin1')
    expect((await read()).end).toEqual({ why: 'broken', opened: true, status: 200 })
  })

  test('by what never comes to be an event, however little of it would be one', async () => {
    const padded = `:${'x'.repeat(16_000)}\ndata: 1234567890123\n`
    answer = socket => socket.write(`${head}\r\n${padded.repeat(80)}`, 'latin1')
    expect((await read({ idleMs: 2_000 })).end).toEqual({ why: 'broken', opened: true, status: 200 })
  })

  test('by a line that is none of an event, and nothing after it counts', async () => {
    answer = socket => socket.write(`${head}\r\n${'x\n'.repeat(9)}${events}`, 'latin1')
    expect(await read({ idleMs: 2_000 })).toEqual({ end: { why: 'broken', opened: true, status: 200 }, events: [] })
  })

  test('by an error of its reader, which goes no further', async () => {
    answer = socket => socket.write(`${head}\r\n${events}`, 'latin1')
    const onEvent = () => {
      throw new Error('the reader fails')
    }
    expect((await read({ onEvent })).end.why).toBe('broken')
  })

  test.each([
    ['', `${head}\r\n`],
    [' in chunks', `${head}Transfer-Encoding: chunked\r\n\r\n`],
  ])('by its end%s, and an event that is cut there never counts', async (_how, start) => {
    for (const at of [1, 20, events.indexOf('\n\n') + 1]) {
      const part = events.slice(0, at)
      answer = say(start + (_how === '' ? part : chunked([part])))
      expect(await read()).toEqual({ end: { why: 'ended', opened: true, status: 200 }, events: [] })
      answer = socket => socket.write(start + (_how === '' ? part : `fff\r\n${part}`), () => socket.destroy())
      expect((await read()).events).toEqual([])
    }
  })

  test('where bytes trickle and no event comes of them', async () => {
    answer = socket => {
      socket.write(`${head}\r\n`, 'latin1')
      const trickle = setInterval(() => socket.write(':\n'), 10)
      socket.on('close', () => clearInterval(trickle))
    }
    expect((await read({ idleMs: 100 })).end).toEqual({ why: 'silent', opened: true, status: 200 })
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
