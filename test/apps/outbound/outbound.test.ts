// Row 26 of threats.md: whoever registers a URL or a host may try to make Mayfly ask what only Mayfly can reach.

import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpsClient } from '#apps/outbound/https.ts'
import { createOutbound, OutboundRefusal, ownStoresOf, type ReachableAddress } from '#apps/outbound/outbound.ts'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { everythingInside, parseNetworks } from '#core/outbound/address-rules.ts'

const limits = { timeoutMs: 3_000, connections: 1 }
const at = (address: string): ReachableAddress[] => [{ address, family: 4 }]
const loopback = parseNetworks('127.0.0.1', () => {})

let server: Server
let port: number
let caPem: string
const asked: string[] = []

beforeAll(async () => {
  const now = new Date()
  const ca = await createDevCa({ now })
  const certificate = await issueServerCertificate(ca, { hosts: ['hooks.example', '127.0.0.1'], now })
  caPem = ca.certificatePem
  server = createServer({ cert: certificate.chainPem, key: certificate.keyPem }, (incoming, outgoing) => {
    asked.push(incoming.url ?? '')
    if (incoming.url === '/redirect') outgoing.writeHead(302, { location: '/secret' }).end()
    else if (incoming.url === '/large') outgoing.end(Buffer.alloc(100_000))
    else outgoing.end('here')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => server.close())

describe('26: a name', () => {
  test('that means a public address when it is registered and this machine later is refused at the connection', async () => {
    const answers = [at('127.0.0.1'), at('127.0.0.2')]
    const https = createHttpsClient(
      createOutbound({ allowed: loopback, ownStores: [], lookUp: async () => answers.shift()! }),
      limits,
    )
    const call = { url: `https://hooks.example:${port}/`, caPem, maxBytes: 1000, headers: { connection: 'close' } }
    // The name itself resolves nowhere: the connection went to the address that was judged, not to the name again.
    expect((await https.call(call)).status).toBe(200)
    await expect(https.call(call)).rejects.toThrow(/hooks\.example resolves to 127\.0\.0\.2/)
    await https.close()
  })

  test('of which one address is inside is refused, whichever comes first', async () => {
    for (const list of [
      [...at('1.1.1.1'), ...at('169.254.169.254')],
      [...at('10.0.0.1'), ...at('1.1.1.1')],
    ]) {
      const resolve = createOutbound({ allowed: [], ownStores: [], lookUp: async () => list })
      await expect(resolve('mixed.example', 443)).rejects.toThrow(OutboundRefusal)
    }
  })

  test.each(['169.254.169.254', '[fd00:ec2::254]', '::ffff:169.254.169.254', '0.0.0.0', '2852039166'])(
    'that is the address of a metadata service, %s, is refused where everything inside is allowed',
    async host => {
      await expect(createOutbound({ allowed: everythingInside, ownStores: [] })(host, 80)).rejects.toThrow(OutboundRefusal)
    },
  )
})

describe('26: an answer', () => {
  const https = createHttpsClient(createOutbound({ allowed: loopback, ownStores: [] }), limits)
  afterAll(() => https.close())

  test('that redirects is not followed', async () => {
    asked.length = 0
    const answer = await https.call({ url: `https://127.0.0.1:${port}/redirect`, caPem, maxBytes: 1000 })
    expect(answer.status).toBe(302)
    expect(asked).toEqual(['/redirect'])
  })
  test('that is too large is cut off', async () => {
    await expect(https.call({ url: `https://127.0.0.1:${port}/large`, caPem, maxBytes: 1000 })).rejects.toThrow()
  })
  test('of a server that proves another name is not taken', async () => {
    const other = createHttpsClient(
      createOutbound({ allowed: loopback, ownStores: [], lookUp: async () => at('127.0.0.1') }),
      limits,
    )
    await expect(other.call({ url: `https://other.example:${port}/`, caPem, maxBytes: 1000 })).rejects.toThrow(/altnames/)
    await other.close()
  })
  test.each(['http://127.0.0.1/', 'file:///etc/passwd'])('of %s is not asked for', async url => {
    await expect(https.call({ url, maxBytes: 1000 })).rejects.toThrow(/not https/)
  })
})

describe('26: the stores of Mayfly itself', () => {
  const ownStores = ownStoresOf(
    'postgres://app:x@localhost:54321/mayfly',
    undefined,
    'redis://127.0.0.1',
    'redis://10.0.0.7:6380',
  )
  const resolve = createOutbound({ allowed: everythingInside, ownStores })

  test.each([
    ['127.0.0.1', 54321],
    ['localhost', 54321],
    ['127.0.0.2', 54321],
    ['2130706433', 54321],
    ['[::1]', 54321],
    ['127.0.0.1', 6379],
    ['10.0.0.7', 6380],
  ])('at %s:%i are not reached', async (host, ownPort) => {
    await expect(resolve(host, ownPort)).rejects.toThrow(/store of Mayfly itself/)
  })
  test.each([
    ['127.0.0.1', 5432],
    ['10.0.0.7', 6379],
    ['10.0.0.8', 6380],
  ])('do not close %s:%i', async (host, otherPort) => {
    expect(await resolve(host, otherPort)).toEqual({ address: host, family: 4 })
  })
  test('behind a socket file close that port of this machine', async () => {
    const stores = ownStoresOf('postgres://app@localhost/mayfly?host=/run/postgresql')
    await expect(createOutbound({ allowed: everythingInside, ownStores: stores })('127.0.0.1', 5432)).rejects.toThrow(/store/)
  })
})
