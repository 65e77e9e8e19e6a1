// Row 14 on real sockets: whose word counts on who is at the other end.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMtlsServer } from '#apps/broker/tls/listeners.ts'
import { createPeers } from '#apps/broker/tls/peers.ts'
import { readTrustedProxies, type TrustedProxySetting } from '#apps/broker/tls/trusted-proxies.ts'
import { createDevCa, type IssuedCertificate, issueClientCertificate, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { thumbprintOf } from '#test/setup/openssl-like-certificate.ts'

const now = new Date()
const ca = await createDevCa({ now })
const server = await issueServerCertificate(ca, { hosts: ['localhost'], now })
const client = await issueClientCertificate(ca, { now, uris: ['spiffe://x/client'] })
const proxy = await issueClientCertificate(ca, { now, commonName: 'proxy' })

/** What a server with these settings makes of a request. */
async function serve(settings: readonly TrustedProxySetting[]) {
  const problems: string[] = []
  const peers = createPeers(readTrustedProxies(JSON.stringify(settings), problems))
  expect(problems).toEqual([])
  const listening = createMtlsServer({ certPem: server.chainPem, keyPem: server.keyPem }, (incoming, response) => {
    const certificate = peers.certificateOf(incoming)
    response.end(JSON.stringify({ certificate: certificate?.thumbprint ?? null, address: peers.addressOf(incoming) }))
  })
  await once(listening.listen(0, '127.0.0.1'), 'listening')
  const agents: Agent[] = []
  return {
    async ask(headers: Record<string, string>, certificate?: IssuedCertificate) {
      const own = certificate && { cert: certificate.chainPem, key: certificate.keyPem }
      const agent = new Agent({ connect: { ca: ca.certificatePem, servername: 'localhost', ...own } })
      agents.push(agent)
      const url = `https://127.0.0.1:${(listening.address() as AddressInfo).port}/`
      const { body } = await request(url, { headers, dispatcher: agent })
      return (await body.json()) as { certificate: string | null; address: string }
    },
    async close() {
      await Promise.all(agents.map(agent => agent.destroy()))
      listening.closeAllConnections()
      await new Promise(resolve => listening.close(resolve))
    },
  }
}

const verified = { name: 'x-verified', value: 'yes' }
const forwarded = {
  'ssl-client-cert': encodeURIComponent(client.certificatePem),
  'x-verified': 'yes',
  'x-forwarded-for': '198.51.100.1, 203.0.113.7',
}
const seen = { certificate: thumbprintOf(client), address: '203.0.113.7' }
const nothing = { certificate: null, address: '127.0.0.1' }
type Served = Awaited<ReturnType<typeof serve>>

describe.each([
  ['without any proxy', []],
  ['with a proxy elsewhere', [{ address: '10.0.0.0/8', format: 'nginx', verified_header: verified }]],
  [
    'with a proxy here that presents another certificate',
    [{ address: '127.0.0.1', format: 'nginx', verified_header: verified, certificate: thumbprintOf(client) }],
  ],
] as [string, TrustedProxySetting[]][])('%s', (_, settings) => {
  let served: Served
  beforeAll(async () => {
    served = await serve(settings)
  })
  afterAll(() => served.close())

  test('row 14: headers are not looked at: certificate and address are the connection’s', async () => {
    expect(await served.ask(forwarded)).toEqual(nothing)
    expect(await served.ask(forwarded, proxy)).toEqual({ certificate: thumbprintOf(proxy), address: '127.0.0.1' })
  })
})

describe('with a proxy that its certificate tells', () => {
  let served: Served
  beforeAll(async () => {
    served = await serve([{ address: '127.0.0.1', format: 'nginx', verified_header: verified, certificate: thumbprintOf(proxy) }])
  })
  afterAll(() => served.close())

  test('what it verified and whom it saw is believed', async () => {
    expect(await served.ask(forwarded, proxy)).toEqual(seen)
  })
  test('what it did not verify is no certificate, nor is its own', async () => {
    expect((await served.ask({ ...forwarded, 'x-verified': 'no' }, proxy)).certificate).toBeNull()
    expect((await served.ask({ 'x-verified': 'yes' }, proxy)).certificate).toBeNull()
    expect((await served.ask({ ...forwarded, 'ssl-client-cert': 'AAAA' }, proxy)).certificate).toBeNull()
    expect(
      (
        await served.ask(
          {
            ...forwarded,
            'ssl-client-cert': encodeURIComponent('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
          },
          proxy,
        )
      ).certificate,
    ).toBeNull()
  })
  test('anybody else at the same address is not it', async () => {
    expect(await served.ask(forwarded)).toEqual(nothing)
    expect(await served.ask(forwarded, client)).toEqual({ ...nothing, certificate: thumbprintOf(client) })
  })
})

describe('with a proxy that its address tells', () => {
  let served: Served
  beforeAll(async () => {
    served = await serve([{ address: '127.0.0.0/8', format: 'nginx', verified_header: verified, address_header: 'forwarded' }])
  })
  afterAll(() => served.close())

  test('it is believed, and its header alone names the address', async () => {
    expect(await served.ask({ ...forwarded, forwarded: 'for=203.0.113.9' })).toEqual({ ...seen, address: '203.0.113.9' })
    expect((await served.ask(forwarded)).address).toBe('127.0.0.1')
  })
  test('a connection that proves a key itself was passed through, and its headers are the client’s', async () => {
    expect(await served.ask(forwarded, proxy)).toEqual({ certificate: thumbprintOf(proxy), address: '127.0.0.1' })
  })
})

test('a proxy that has no word for verified tells addresses only', async () => {
  const served = await serve([{ address: '127.0.0.1', format: 'nginx' }])
  expect(await served.ask(forwarded)).toEqual({ certificate: null, address: '203.0.113.7' })
  await served.close()
})
