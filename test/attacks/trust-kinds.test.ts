// Certificates by SPIFFE trust domains, pinned keys and authorities with revocation lists: whose word counts for whom, and that
// it stops to count on connections that are open already.

import { connect } from 'node:tls'
import { Client } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CertificateAuthority,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
} from '#apps/standalone/dev-ca.ts'
import { makeBundle } from '#test/core/trust-material/bundles.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { makeSelfSigned, thumbprintOf } from '#test/setup/openssl-like-certificate.ts'
import { type Publisher, startPublisher } from '#test/setup/publisher.ts'
import { makeRevocationList } from '#test/setup/revocation-lists.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const now = new Date()
const minuteMs = 60_000
const id = 'spiffe://mesh.example/agents/reporter'
let publisher: Publisher
let ca: CertificateAuthority
let thiefCa: CertificateAuthority
let task = 0
beforeAll(async () => {
  publisher = await startPublisher(await issueServerCertificate(broker.running.ca, { hosts: ['localhost'], now }))
  // Both names are the same, as a hostile tenant would choose them.
  ca = await createDevCa({ now, commonName: 'Mesh' })
  thiefCa = await createDevCa({ now, commonName: 'Mesh' })
})
afterAll(() => publisher.close())

const register = async (body: object): Promise<string> => {
  const answer = await broker.running.v1('POST', '/v1/trust-sources', body)
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
  return answer.body.id
}
const addRule = async (rule: object) => {
  const answer = await changeRegistration(broker.running, `/v1/agents/${broker.running.ids.agent}`, ({ rules }) => ({
    rules: [...rules, rule],
  }))
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
}
const svid = (from: CertificateAuthority, uri = id) => issueClientCertificate(from, { now, uris: [uri] })
const ask = (certificate: IssuedCertificate) =>
  broker.running.token(broker.running.form({ task_id: `kinds-${++task}` }), certificate)
const statusOf = async (certificate: IssuedCertificate) => {
  const { status, body } = await ask(certificate)
  return status === 200 ? 200 : `${status} ${body.error}`
}
/** As the timer would, once that time has come. */
const refreshIn = async (ms: number, path: string) => {
  const { material, clock } = broker.running.broker.deps
  const before = publisher.requests.filter(url => url === path).length
  material.refreshDue(clock.nowMs() + ms)
  await expect.poll(() => publisher.requests.filter(url => url === path).length).toBeGreaterThan(before)
}

/** One connection, kept open from the handshake on. */
function openConnection(certificate: IssuedCertificate) {
  const { running } = broker
  const client = new Client(running.config.mtlsUrl, {
    connect: { ca: running.ca.certificatePem, cert: certificate.chainPem, key: certificate.keyPem },
  })
  let handshakes = 0
  client.on('connect', () => {
    handshakes++
  })
  return {
    handshakes: () => handshakes,
    async ask(): Promise<number> {
      const body = formBody(running.form({ task_id: `kinds-${++task}` }))
      const answer = await client.request({ path: '/token', method: 'POST', headers: formHeaders, body })
      await answer.body.dump()
      return answer.statusCode
    },
    close: () => client.destroy(),
  }
}

describe('a SPIFFE trust domain', () => {
  beforeAll(async () => {
    publisher.documents.set('/bundle', JSON.stringify(makeBundle([ca], { hint: 60 })))
    const source = await register({
      kind: 'spiffe',
      name: 'mesh',
      trust_domain: 'mesh.example',
      bundle_url: `${publisher.url}/bundle`,
      ca_pem: broker.running.ca.certificatePem,
    })
    await addRule({ trust_source: source, spiffe_id: 'spiffe://mesh.example/agents/*' })
  })

  test('15: proves its own workloads by X.509-SVID, and no others', async () => {
    expect(await statusOf(await svid(ca))).toBe(200)
    expect(await statusOf(await svid(ca, 'spiffe://mesh.example/others/reporter'))).toBe('401 invalid_client')
    expect(await statusOf(await svid(ca, 'spiffe://mesh.example'))).toBe('401 invalid_client')
  })

  test('31: another authority that the tenant trusts, or another tenant’s, certifies none of its IDs', async () => {
    const forged = await svid(thiefCa)
    await register({ kind: 'x509_ca', name: 'thief', anchors_pem: [thiefCa.certificatePem] })
    await register({ kind: 'spiffe', name: 'other mesh', trust_domain: 'other.example', bundle: makeBundle([thiefCa]) })
    const neighbour = await createOtherTenant(broker.running, 'mesh-thief')
    const source = { kind: 'spiffe', name: 'mesh', trust_domain: 'mesh.example', bundle: makeBundle([thiefCa]) }
    await neighbour.register('/v1/trust-sources', source)
    expect(await statusOf(forged)).toBe('401 invalid_client')
    expect(await statusOf(await svid(ca))).toBe(200)
  })

  test('is there once in a tenant: a second source cannot bring other authorities for it', async () => {
    const second = { kind: 'spiffe', name: 'second', trust_domain: 'mesh.example', bundle: makeBundle([thiefCa]) }
    expect((await broker.running.v1('POST', '/v1/trust-sources', second)).status).toBe(409)
  })

  test('15: an authority that left the bundle proves nobody any more, on open connections too', async () => {
    const connection = openConnection(await svid(ca))
    expect(await connection.ask()).toBe(200)
    publisher.documents.set('/bundle', JSON.stringify(makeBundle([thiefCa], { hint: 60 })))
    await refreshIn(minuteMs, '/bundle')
    await expect.poll(() => connection.ask()).toBe(401)
    expect(connection.handshakes()).toBe(1)
    await connection.close()
    publisher.documents.set('/bundle', JSON.stringify(makeBundle([ca], { hint: 60 })))
    await refreshIn(3 * minuteMs, '/bundle')
  })

  test('while its endpoint fails, its workloads go on', async () => {
    publisher.documents.delete('/bundle')
    await refreshIn(5 * minuteMs, '/bundle')
    expect(await statusOf(await svid(ca))).toBe(200)
  })
})

describe('a pinned certificate', () => {
  let own: IssuedCertificate
  beforeAll(async () => {
    own = await makeSelfSigned(now)
    const source = await register({ kind: 'pinned', name: 'laptops' })
    await addRule({ trust_source: source, certificate_thumbprint: thumbprintOf(own) })
  })

  test('15: proves its agent, and one with the same name and another key proves nobody', async () => {
    expect(await statusOf(own)).toBe(200)
    expect(await statusOf(await makeSelfSigned(now))).toBe('401 invalid_client')
  })
})

describe('an authority with a revocation list', () => {
  let source: string
  const crl = () => ({ url: `${publisher.url}/crl`, ca_pem: broker.running.ca.certificatePem })
  const uri = 'spiffe://list.example/agents/reporter'
  let listed: CertificateAuthority
  beforeAll(async () => {
    listed = await createDevCa({ now, commonName: 'Listed' })
    publisher.documents.set('/crl', await makeRevocationList(listed, { now }))
    source = await register({ kind: 'x509_ca', name: 'listed', anchors_pem: [listed.certificatePem], crl: crl() })
    await addRule({ trust_source: source, san_uri: uri })
  })

  test('15: what it revokes is refused with the next refresh, on open connections too', async () => {
    const certificate = await svid(listed, uri)
    const connection = openConnection(certificate)
    expect(await connection.ask()).toBe(200)
    publisher.documents.set('/crl', await makeRevocationList(listed, { now, revoked: [certificate] }))
    await refreshIn(5 * minuteMs, '/crl')
    await expect.poll(() => connection.ask()).toBe(401)
    expect(connection.handshakes()).toBe(1)
    await connection.close()
    const answer = await ask(certificate)
    expect(answer.body.error_description).toContain('has revoked it')
    expect(await statusOf(await svid(listed, uri))).toBe(200)
  })

  test('15: without a list that can be read, nobody is proven', async () => {
    publisher.documents.set('/crl', '<html>')
    await refreshIn(15 * minuteMs, '/crl')
    await expect.poll(async () => statusOf(await svid(listed, uri))).toBe('401 invalid_client')
    publisher.documents.set('/crl', await makeRevocationList(listed, { now, nextUpdate: now }))
    await refreshIn(25 * minuteMs, '/crl')
    expect(await statusOf(await svid(listed, uri))).toBe('401 invalid_client')
  })

  test('15: anchors are replaced without a restart, on open connections too', async () => {
    const [before, after] = [await createDevCa({ now, commonName: 'A' }), await createDevCa({ now, commonName: 'A' })]
    const body = (anchor: CertificateAuthority) => ({ kind: 'x509_ca', name: 'replaced', anchors_pem: [anchor.certificatePem] })
    const replaced = await register(body(before))
    const name = 'spiffe://replaced.example/agent'
    await addRule({ trust_source: replaced, san_uri: name })
    const connection = openConnection(await svid(before, name))
    expect(await connection.ask()).toBe(200)
    expect((await broker.running.v1('PUT', `/v1/trust-sources/${replaced}`, body(after))).status).toBe(200)
    expect(await connection.ask()).toBe(401)
    expect(connection.handshakes()).toBe(1)
    await connection.close()
    expect(await statusOf(await svid(after, name))).toBe(200)
  })
})

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  '15: on the mTLS port no %s session is resumed: each connection proves its key',
  async version => {
    const { ca: own, certificate, config } = broker.running
    const handshake = async (session?: Buffer) => {
      const options = { ca: own.certificatePem, cert: certificate.chainPem, key: certificate.keyPem, servername: 'localhost' }
      const port = Number(new URL(config.mtlsUrl).port)
      const socket = connect({
        ...options,
        host: '127.0.0.1',
        port,
        minVersion: version,
        maxVersion: version,
        ...(session && { session }),
      })
      let ticket: Buffer | undefined
      socket.on('session', given => {
        ticket = given
      })
      await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
      const reused = socket.isSessionReused()
      // Tickets of TLS 1.3 would come before the answer.
      const body = formBody(broker.running.form({ task_id: `resumed-${++task}` }))
      socket.write(
        `POST /token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      const known = socket.getSession()
      socket.resume()
      await new Promise(resolve => socket.once('close', resolve))
      return { session: ticket ?? known, reused }
    }
    const first = await handshake()
    expect(first.reused).toBe(false)
    expect((await handshake(first.session)).reused).toBe(false)
  },
)
