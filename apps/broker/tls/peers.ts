// Who is at the other end of a request: its client certificate and its address, from the connection itself or, where a trusted
// proxy stands between, from what that proxy says of it. Headers of everybody else are not looked at.

import { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import { type PresentedCertificate, presentCertificate } from '#core/subject/certificate.ts'
import { readCertificateHeaders } from './certificate-headers.ts'
import { findForwardedAddress } from './forwarded-address.ts'
import { peerCertificate } from './peer-certificate.ts'
import { plainAddress, type TrustedProxy } from './trusted-proxies.ts'

export interface Peers {
  /** In place of `peerCertificate`. Never a proxy's own certificate. */
  readonly certificateOf: (request: IncomingMessage) => PresentedCertificate | undefined
  /** For logs and limits; empty when the connection is gone. */
  readonly addressOf: (request: IncomingMessage) => string
}

export function createPeers(proxies: readonly TrustedProxy[]): Peers {
  const socketAddress = ({ socket }: IncomingMessage): string => plainAddress(socket.remoteAddress ?? '')
  if (proxies.length === 0) return { certificateOf: peerCertificate, addressOf: socketAddress }
  const presented = new LRUCache<string, PresentedCertificate>({ max: 2_000 })
  const isProxy = (address: string): boolean => proxies.some(proxy => proxy.contains(address))
  return {
    certificateOf: request => {
      const proxy = findProxy(proxies, request, socketAddress(request))
      return proxy ? readForwarded(request, proxy, presented) : peerCertificate(request)
    },
    addressOf: request => {
      const peer = socketAddress(request)
      const proxy = findProxy(proxies, request, peer)
      if (!proxy) return peer
      const header = request.headers[proxy.addressHeader]
      return findForwardedAddress(peer, typeof header === 'string' ? header : undefined, proxy.addressHeader, isProxy)
    },
  }
}

/**
 * The proxy that this connection comes from. Where no certificate tells it, one that was presented is not the proxy's: the
 * connection was passed through as it was, and its headers are the client's.
 */
function findProxy(proxies: readonly TrustedProxy[], request: IncomingMessage, address: string): TrustedProxy | undefined {
  const near = proxies.filter(proxy => proxy.contains(address))
  if (near.length === 0) return undefined
  const own = peerCertificate(request)?.thumbprint
  return near.find(({ certificate }) => certificate === own)
}

function readForwarded(
  { headers }: IncomingMessage,
  { verifiedHeader, format, certificateHeader }: TrustedProxy,
  known: LRUCache<string, PresentedCertificate>,
): PresentedCertificate | undefined {
  if (!verifiedHeader || headers[verifiedHeader.name] !== verifiedHeader.value) return undefined
  const chain = readCertificateHeaders(headers, format, certificateHeader)
  if (!chain) return undefined
  // The same object for the same certificates, as for the requests of one connection.
  const name = chain.map(der => der.toString('base64')).join(',')
  let certificate = known.get(name)
  if (!certificate) {
    certificate = present(chain)
    if (certificate) known.set(name, certificate)
  }
  return certificate
}

function present([leaf, ...others]: readonly Buffer[]): PresentedCertificate | undefined {
  try {
    const intermediates = others.map(der => new X509Certificate(der))
    return presentCertificate(new X509Certificate(leaf!), () => intermediates)
  } catch {
    return undefined
  }
}
