// Row 25: what comes slowly, in great size or great depth costs the sender its connection and nobody else anything.

import { connect as connectTcp } from 'node:net'
import { describe, expect, test } from 'vitest'
import { formHeaders } from '#test/setup/https-client.ts'
import { countAccounts } from '#test/setup/log-reader.ts'
import { openRaw, type RawConnection, sendRaw } from '#test/setup/raw-tls.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const ca = () => broker.running.ca.certificatePem
const urls = () => [broker.running.issuer, broker.running.config.mtlsUrl]
const honest = () => broker.running.token(broker.running.form({ task_id: 'honest' }), broker.running.certificate)

/** Writes `head`, then one byte after another, until the other side ends it. Gives the seconds that it took. */
async function drip(connection: RawConnection, head: string, byte: string): Promise<number> {
  const started = performance.now()
  connection.socket.write(head)
  const timer = setInterval(() => connection.socket.writable && connection.socket.write(byte), 400)
  await connection.ended
  clearInterval(timer)
  return (performance.now() - started) / 1000
}

test('25: headers, bodies and handshakes that drip are cut off in time, on both listeners, and others are served meanwhile', async () => {
  const post = 'POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n'
  const kinds: [head: string, byte: string][] = [
    ['POST /token HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', 'a'],
    ['', ''],
    [`${post}Content-Length: 5000\r\n\r\ngrant_type=`, 'a'],
    [`${post}Transfer-Encoding: chunked\r\n\r\n`, '1\r\na\r\n'],
  ]
  const connections = await Promise.all(
    urls().flatMap(url =>
      Array.from({ length: 40 }, (_, i) => openRaw(url, ca()).then(connection => ({ connection, kind: kinds[i % 4]! }))),
    ),
  )
  const handshakes = urls().map(url => {
    const socket = connectTcp(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    return new Promise<void>(resolve => socket.once('close', () => resolve()))
  })
  let cut = false
  const dripping = Promise.all([...connections.map(({ connection, kind }) => drip(connection, ...kind)), ...handshakes]).then(
    times => {
      cut = true
      return times
    },
  )
  const latencies: number[] = []
  while (!cut) {
    const started = performance.now()
    expect((await honest()).status).toBe(200)
    latencies.push(performance.now() - started)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  const times = (await dripping).filter(time => typeof time === 'number')
  expect(Math.max(...times)).toBeLessThan(18)
  expect(latencies.length).toBeGreaterThan(30)
  expect(Math.max(...latencies)).toBeLessThan(2000)
  for (const { connection } of connections) {
    expect(connection.received()).not.toContain('HTTP/1.1 200')
    expect(connection.received()).not.toContain('HTTP/1.1 500')
  }
}, 40_000)

describe('25: bodies that are too large', () => {
  const tenMegabytes = 10 * 1024 * 1024

  test('10 MB announced is 413 before it is read', async () => {
    for (const url of urls()) {
      const head = `POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${formHeaders['content-type']}\r\nContent-Length: ${tenMegabytes}\r\nConnection: close\r\n\r\n`
      const answer = await sendRaw(url, ca(), `${head}grant_type=x`)
      expect(answer).toMatch(/^HTTP\/1\.1 413 /)
      expect(answer).toContain('"error":"invalid_request"')
      expect(answer).toContain('too large')
    }
  })

  test('10 MB in chunks that announce nothing is 413, and not kept', async () => {
    for (const url of urls()) {
      const connection = await openRaw(url, ca())
      connection.socket.write(
        `POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${formHeaders['content-type']}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
      )
      const chunk = `10000\r\n${'a'.repeat(65_536)}\r\n`
      for (let sent = 0; sent < tenMegabytes && connection.socket.writable; sent += 65_536)
        if (!connection.socket.write(chunk))
          await Promise.race([new Promise(resolve => connection.socket.once('drain', resolve)), connection.ended])
      await connection.ended
      // Who goes on sending may lose the answer with the connection; what it gets is never another one.
      if (connection.received() !== '') expect(connection.received()).toMatch(/^HTTP\/1\.1 413 /)
    }
    expect((await honest()).status).toBe(200)
  })

  test('headers of more than 16 KiB are 431', async () => {
    for (const url of urls()) {
      const answer = await sendRaw(
        url,
        ca(),
        `GET /jwks HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'a'.repeat(20_000)}\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 431 /)
    }
  })

  test('a request that two parsers could read in two ways is refused', async () => {
    const head = `POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${formHeaders['content-type']}\r\nConnection: close\r\n`
    for (const more of [
      'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'Content-Length: 3\r\nContent-Length: 4\r\n\r\nx=1',
      'Content-Length: -1\r\n\r\n',
      'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    ])
      expect(await sendRaw(broker.running.issuer, ca(), `${head}${more}`)).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('25: depth and backtracking', () => {
  const ask = (changes: Record<string, string | undefined>) =>
    broker.running.token(broker.running.form({ task_id: 'deep', ...changes }), broker.running.certificate)

  test.each([
    ['arrays', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['objects', `[${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}]`],
    ['an unclosed one', '['.repeat(60_000)],
    ['a long string', `["${'\\'.repeat(50_000)}`],
    ['a long number', `[${'9'.repeat(50_000)}]`],
  ])('authorization_details of deep or long %s are 400 at once', async (_what, authorization_details) => {
    const before = await countAccounts(broker.database.admin)
    const started = performance.now()
    const { status, body } = await ask({ scope: undefined, authorization_details })
    // What percent-encoding makes longer than a body may be is refused as such.
    expect([
      [400, 'invalid_authorization_details'],
      [413, 'invalid_request'],
    ]).toContainEqual([status, body.error])
    expect(performance.now() - started).toBeLessThan(1000)
    expect(await countAccounts(broker.database.admin)).toBe(before)
  })

  test.each([
    ['scope', ' '.repeat(30_000)],
    ['scope', 'a '.repeat(15_000)],
    ['task_id', 'a'.repeat(60_000)],
    ['account_id', `acct_${'0'.repeat(60_000)}`],
    ['nonce', '~'.repeat(20_000)],
    ['ttl', '9'.repeat(60_000)],
    ['resource', `https://orders.example/${'a/'.repeat(10_000)}`],
    ['resource', `https://${'a.'.repeat(20_000)}example/`],
    ['subject_token', '.'.repeat(60_000)],
    ['subject_token', `${'a'.repeat(15_000)}.${'a'.repeat(300)}!.a`],
  ])('a long %s is refused at once', async (name, value) => {
    const started = performance.now()
    const { status } = await ask({ [name]: value })
    expect(status).toBe(400)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})
