import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { createDevCa, issueClientCertificate, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { httpRequest, type Target, type Traffic } from '../contender.ts'
import { orderOf } from '../measure.ts'
import { median, percentiles } from '../statistics.ts'
import type { CollectedAnswer } from './answer-store.ts'
import { runClosedLoop } from './closed-loop.ts'
import { judge } from './judge.ts'
import { runOpenLoop } from './open-loop.ts'

let server: Server | undefined

afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

async function listen(made: Server): Promise<number> {
  server = made.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function trafficTo(target: Target, change: Partial<Traffic> = {}): Traffic {
  const request = httpRequest({ method: 'GET', path: '/', headers: { host: 'localhost' } })
  return { target, request: () => request, check: () => {}, verify: async () => {}, ...change }
}

const answer = (body: string, index = 0, status = 200): CollectedAnswer => ({ index, status, body, latencyMs: 1 })

const now = 1_800_000_000
const jwt = (claims: object): string =>
  `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${'A'.repeat(86)}`
const good = (jti: string): string => JSON.stringify({ access_token: jwt({ jti, exp: now + 60 }) })

describe('open loop', () => {
  const plan = { kind: 'open', connections: 4, ratePerSecond: 200, seconds: 1, warmupSeconds: 0, maxRequests: 200 } as const

  it('charges a stall to every request that was due in it, not only to those on a connection', async () => {
    let stalledUntil = 0
    const port = await listen(
      createServer((_, response) => {
        stalledUntil ||= Date.now() + 400 // the first request stops the server for 400 ms
        setTimeout(() => response.end('{}'), Math.max(0, stalledUntil - Date.now()))
      }),
    )
    const { answers } = await runOpenLoop(trafficTo({ host: '127.0.0.1', port }), plan, 0)
    expect(answers).toHaveLength(200)
    // 80 requests were due in the stall; a closed loop of 4 connections would have seen 4 slow answers.
    expect([...answers].filter(({ latencyMs }) => latencyMs > 40).length).toBeGreaterThan(50)
  })

  it('offers the whole schedule at its rate and gives each request an index of its own', async () => {
    const port = await listen(createServer((_, response) => void response.end('{}')))
    const collected = await runOpenLoop(trafficTo({ host: '127.0.0.1', port }), plan, 1_000)
    expect(collected.sent).toBe(200)
    expect(new Set([...collected.answers].map(({ index }) => index)).size).toBe(200)
    expect(Math.min(...[...collected.answers].map(({ index }) => index))).toBe(1_000)
    expect(collected.errorCount).toBe(0)
  })
})

describe('closed loop', () => {
  const plan = { kind: 'closed', connections: 2, seconds: 0.3, warmupSeconds: 0.1, maxRequests: 100_000 } as const

  it('puts answers together that arrive in pieces', async () => {
    const port = await listen(
      createServer((_, response) => {
        response.writeHead(200, { 'content-length': 8 })
        response.write('{"a"')
        setImmediate(() => response.end(':12}'))
      }),
    )
    const { answers, errorCount } = await runClosedLoop(trafficTo({ host: '127.0.0.1', port }), plan, 0)
    expect(errorCount).toBe(0)
    expect(new Set([...answers].map(({ body }) => body))).toEqual(new Set(['{"a":12}']))
  })

  it('never sends more than it may', async () => {
    const port = await listen(createServer((_, response) => void response.end('{}')))
    expect((await runClosedLoop(trafficTo({ host: '127.0.0.1', port }), { ...plan, maxRequests: 5 }, 0)).sent).toBe(5)
  })

  it('gives up on a server that is gone, and says so', async () => {
    const port = await listen(createServer(request => void request.socket.destroy()))
    const { answers, errors, errorCount } = await runClosedLoop(trafficTo({ host: '127.0.0.1', port }), plan, 0)
    expect(answers).toHaveLength(0)
    expect(errorCount).toBeGreaterThan(0)
    expect(errors[0]).toMatch(/closed|reset/i)
  })

  it('shows its client certificate over TLS; fresh connections are full handshakes, one a request', async () => {
    const at = new Date()
    const ca = await createDevCa({ now: at })
    const own = await issueServerCertificate(ca, { hosts: ['localhost'], now: at })
    const client = await issueClientCertificate(ca, { now: at, commonName: 'load' })
    const seen = { connections: 0, requests: 0, resumed: 0, authorized: 0 }
    const made = createTlsServer(
      { cert: own.chainPem, key: own.keyPem, ca: ca.certificatePem, requestCert: true },
      (request, response) => {
        const socket = request.socket as TLSSocket
        seen.requests++
        if (socket.authorized) seen.authorized++
        if (socket.isSessionReused()) seen.resumed++
        response.end('{}')
      },
    )
    made.on('secureConnection', () => seen.connections++)
    const port = await listen(made)
    const tls = { ca: ca.certificatePem, servername: 'localhost', cert: client.chainPem, key: client.keyPem }
    const { answers, errorCount } = await runClosedLoop(
      trafficTo({ host: '127.0.0.1', port, tls }, { freshConnections: true }),
      plan,
      0,
    )
    expect(errorCount).toBe(0)
    expect(answers.length).toBeGreaterThan(0)
    expect(seen).toEqual({ connections: seen.requests, requests: seen.requests, resumed: 0, authorized: seen.requests })
  })
})

describe('only answers that verify are counted', () => {
  it.each([
    ['another status', answer('{}', 0, 503), /Status 503/],
    ['no token', answer('{}'), /no ES256 JWT/],
    ['a token that is cut off', answer(JSON.stringify({ access_token: jwt({}).slice(0, -1) })), /no ES256 JWT/],
    ['an expired token', answer(JSON.stringify({ access_token: jwt({ jti: 'x', exp: now }) })), /exp/],
    ['no jti', answer(JSON.stringify({ access_token: jwt({ exp: now + 60 }) })), /jti/],
    ['a jti seen in an earlier round', answer(good('old')), /jti/],
    ['text that is not JSON', answer('<html>'), /JSON/],
  ])('leaves out %s', async (_what, bad, reason) => {
    const verdict = await judge(trafficTo({ host: '', port: 0 }), [answer(good('a')), bad], new Set(['old']), now)
    expect(verdict.latenciesMs).toHaveLength(1)
    expect(verdict.reasons[0]).toMatch(reason)
  })

  it('leaves out a token whose signature fails, and one that was not what the request asked for', async () => {
    const forged = trafficTo({ host: '', port: 0 }, { verify: () => Promise.reject(new Error('signature')) })
    expect((await judge(forged, [answer(good('a'))], new Set(), now)).rejected).toBe(1)
    const other = trafficTo(
      { host: '', port: 0 },
      {
        check: (_body, _claims, index) => {
          if (index === 7) throw new Error('another account')
        },
      },
    )
    expect((await judge(other, [answer(good('a'), 6), answer(good('b'), 7)], new Set(), now)).rejected).toBe(1)
  })
})

describe('statistics', () => {
  it('takes nearest-rank percentiles and the plain median', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(percentiles(hundred)).toEqual({ p50: 50, p95: 95, p99: 99, max: 100 })
    expect(percentiles([])).toEqual({ p50: 0, p95: 0, p99: 0, max: 0 })
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5])
  })

  it('turns the order round in every other round, so that drift favours nobody', () => {
    expect([0, 1, 2].flatMap(i => orderOf(['A', 'B'], i)).join(' ')).toBe('A B B A A B')
  })
})
