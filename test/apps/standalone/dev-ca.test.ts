import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import { hasDevelopmentMarker } from '#apps/broker/development-marker.ts'
import {
  type CertificateAuthority,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
  loadDevCa,
} from '#apps/standalone/dev-ca.ts'
import { type CertificateSet, issueIntermediateCa, makeCertificates } from '#test/setup/certificates.ts'

const now = new Date()
let set: CertificateSet
let server: IssuedCertificate

beforeAll(async () => {
  set = await makeCertificates(now)
  server = await issueServerCertificate(set.ca, { hosts: ['localhost', '127.0.0.1'], now })
})

/** Shakes hands on a real socket; what the server made of the client's certificate, or the client's error. */
async function handshake(client: IssuedCertificate | undefined, clientTrusts: CertificateAuthority = set.ca) {
  const listener = createServer({
    cert: server.chainPem,
    key: server.keyPem,
    ca: set.ca.certificatePem,
    requestCert: true,
    rejectUnauthorized: false,
  })
  listener.on('tlsClientError', () => {})
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'secureConnection').then(([socket]) => socket as TLSSocket)
  const socket = connect({
    port: (listener.address() as AddressInfo).port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: clientTrusts.certificatePem,
    ...(client && { cert: client.chainPem, key: client.keyPem }),
  })
  try {
    await once(socket, 'secureConnect')
    const peer = await accepted
    const result = { authorized: peer.authorized, error: String(peer.authorizationError ?? '') }
    peer.destroy()
    return result
  } finally {
    socket.destroy()
    listener.close()
  }
}

describe('the development CA', () => {
  it('signs a server certificate that a TLS client which trusts only this CA accepts, by name and by address', async () => {
    expect((await handshake(set.good)).authorized).toBe(true)
    const certificate = new X509Certificate(server.certificatePem)
    expect(certificate.checkHost('localhost')).toBe('localhost')
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  })

  it('is refused as a server by a client that trusts another CA of the same name', async () => {
    const twin = await createDevCa({ now, commonName: 'Test CA' })
    await expect(handshake(set.good, twin)).rejects.toThrow()
  })

  it('is a CA of path length 0 with matching key identifiers and may sign nothing but certificates', () => {
    const root = new X509Certificate(set.ca.certificatePem)
    const text = set.ca.certificate.toString('text')
    expect(root.ca).toBe(true)
    expect(text).toMatch(/Path Length: 0/i)
    expect(text).toMatch(/Key Usages: critical\s+crlSign, keyCertSign\n/)
    const leaf = new X509Certificate(set.good.certificatePem)
    expect(leaf.ca).toBe(false)
    expect(leaf.checkIssued(root)).toBe(true)
    expect(leaf.verify(root.publicKey)).toBe(true)
  })

  it('begins validity five minutes early and never lets a leaf outlive the CA', async () => {
    const short = await createDevCa({ now, days: 1 })
    const leaf = new X509Certificate(
      (await issueClientCertificate(short, { now, uris: ['spiffe://a.test/x'], days: 400 })).certificatePem,
    )
    expect(leaf.validToDate).toEqual(new X509Certificate(short.certificatePem).validToDate)
    expect(Math.abs(now.getTime() - leaf.validFromDate.getTime() - 300_000)).toBeLessThan(1_000)
  })

  it('carries URIs, DNS names and the chosen end in a client certificate', async () => {
    const notAfter = new Date(Math.floor(now.getTime() / 1000) * 1000 + 600_000)
    const issued = await issueClientCertificate(set.ca, {
      now,
      uris: ['spiffe://a.test/x'],
      dnsNames: ['x.test'],
      commonName: 'x',
      notAfter,
    })
    const leaf = new X509Certificate(issued.certificatePem)
    expect(leaf.subjectAltName).toBe('URI:spiffe://a.test/x, DNS:x.test')
    expect(leaf.validToDate).toEqual(notAfter)
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  })

  it('marks every certificate as development', async () => {
    for (const pem of [set.ca.certificatePem, set.good.certificatePem, server.certificatePem]) {
      expect(hasDevelopmentMarker(pem)).toBe(true)
    }
  })

  it('is read back from PEM and signs on; refuses a key that is not its own', async () => {
    const { certificatePem, keyPem } = set.ca
    const again = await loadDevCa({ certificatePem, keyPem })
    const leaf = new X509Certificate((await issueClientCertificate(again, { now, commonName: 'x' })).certificatePem)
    expect(leaf.verify(new X509Certificate(certificatePem).publicKey)).toBe(true)
    const other = await createDevCa({ now })
    await expect(loadDevCa({ certificatePem, keyPem: other.keyPem })).rejects.toThrow(/do not belong together/)
  })
})

describe('the wrong certificates for tests', () => {
  it.each(['expired', 'notYetValid', 'otherCa', 'sameNameOtherKey', 'noClientAuth', 'belowPathLength', 'issuedByLeaf'] as const)(
    '%s is not authorized by a TLS server',
    async name => {
      expect((await handshake(set.bad[name])).authorized).toBe(false)
    },
  )

  it.each(['noUsage', 'twoUris', 'otherUri'] as const)(
    '%s passes TLS itself, so only the trust source can refuse it',
    async name => {
      expect((await handshake(set.bad[name])).authorized).toBe(true)
    },
  )

  it('an intermediate that the root allows is authorized, so the path length alone is what fails the other', async () => {
    const root = await createDevCa({ now, commonName: 'Deep root', pathLength: 1 })
    const intermediate = await issueIntermediateCa(root, { now, commonName: 'Allowed' })
    const leaf = new X509Certificate((await issueClientCertificate(intermediate, { now, commonName: 'x' })).certificatePem)
    expect(leaf.checkIssued(new X509Certificate(intermediate.certificatePem))).toBe(true)
    expect(new X509Certificate(intermediate.certificatePem).verify(new X509Certificate(root.certificatePem).publicKey)).toBe(true)
  })
})
