// The client certificate of a TLS connection, read once for each connection. Only the TLS layer is asked: no header can
// bring a certificate here (`X-Forwarded-Client-Cert`, `Client-Cert` and the like are not read).

import { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { type PresentedCertificate, presentCertificate } from '#core/subject/certificate.ts'

const maxChain = 8
const presented = new WeakMap<TLSSocket, PresentedCertificate | null>()

/** Undefined on the public listener, over plain HTTP, and when the client sent no certificate. */
export function peerCertificate(request: IncomingMessage): PresentedCertificate | undefined {
  const { socket } = request
  if (!(socket instanceof TLSSocket)) return undefined
  let known = presented.get(socket)
  if (known === undefined) {
    known = read(socket)
    presented.set(socket, known)
  }
  return known ?? undefined
}

function read(socket: TLSSocket): PresentedCertificate | null {
  const leaf = socket.getPeerX509Certificate()
  if (!leaf) return null
  return presentCertificate(leaf, () => (socket.destroyed ? [] : chainOf(socket.getPeerCertificate(true))))
}

/** The certificates above the leaf as this TLS layer lists them; untrusted, and checked link by link by whoever uses them. */
function chainOf(leaf: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = []
  let current = leaf
  while (current.issuerCertificate && current.issuerCertificate !== current && chain.length < maxChain) {
    current = current.issuerCertificate
    chain.push(new X509Certificate(current.raw))
  }
  return chain
}
