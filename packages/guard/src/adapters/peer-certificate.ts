// The certificate of the TLS peer, from the connection itself. A header that speaks of one is never looked at.

import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** Thumbprints by connection: the certificate that it was opened with. */
const thumbprints = new WeakMap<object, string>()

/**
 * RFC 8705 thumbprint of the peer's certificate; undefined where there is none, or none that the server's TLS vouches for.
 * acceptUnauthorized: take one that it does not vouch for, too; the handshake has proved its key either way.
 */
export function peerThumbprint(socket: unknown, acceptUnauthorized = false): string | undefined {
  const tls = socket as Partial<TLSSocket> | undefined
  if (!tls?.encrypted || !(tls.authorized || acceptUnauthorized)) return undefined
  let thumbprint = thumbprints.get(tls)
  if (thumbprint === undefined) {
    const certificate = tls.getPeerX509Certificate?.()
    if (!certificate) return undefined
    thumbprint = createHash('sha256').update(certificate.raw).digest('base64url')
    thumbprints.set(tls, thumbprint)
  }
  return thumbprint
}
