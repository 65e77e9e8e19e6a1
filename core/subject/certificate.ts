// A client certificate as the TLS layer handed it over. That a listener completed the handshake proves that the peer holds
// the key, and nothing more. Whose word the certificate is, is decided for each trust source in `certificate-path.ts`.

import { hash, type X509Certificate } from 'node:crypto'

export interface PresentedCertificate {
  readonly leaf: X509Certificate
  /** What the peer sent beside the leaf, untrusted; read when it is needed. */
  readonly intermediates: readonly X509Certificate[]
  /** base64url of SHA-256 over the DER: RFC 8705 § 3.1. */
  readonly thumbprint: string
  readonly notAfterSeconds: number
}

/** intermediates: called at most once, when a chain is walked; most leaves come right from an anchor. */
export function presentCertificate(leaf: X509Certificate, intermediates: () => readonly X509Certificate[]): PresentedCertificate {
  let read: readonly X509Certificate[] | undefined
  return {
    leaf,
    thumbprint: hash('sha256', leaf.raw, 'base64url'),
    // A peer can write a date there that is none: its certificate has ended.
    notAfterSeconds: Math.floor((Date.parse(leaf.validTo) || 0) / 1000),
    get intermediates() {
      read ??= intermediates()
      return read
    },
  }
}
