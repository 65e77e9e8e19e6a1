import { type BoundKey, keyOfCertificate } from '#core/subject/bound-key.ts'
import type { PresentedCertificate } from '#core/subject/certificate.ts'

/** Keys whose possession a request has proven; none of them says yet who comes. */
export interface PresentedKeys {
  /** By the TLS handshake, or vouched for by a trusted proxy. */
  readonly certificate: PresentedCertificate | undefined
  /** By a DPoP proof (RFC 9449). */
  readonly dpop: BoundKey | undefined
  /** Thumbprint (RFC 7638) of the registered key that signed the client assertion (RFC 7523 § 2.2). */
  readonly clientKey: string | undefined
  /** Whether work was done for this very request, by which a stranger is let in. */
  readonly work?: boolean
}

/** Those that a token can be bound to. */
export const boundKeysOf = ({ certificate, dpop }: PresentedKeys): readonly BoundKey[] => [
  ...(dpop ? [dpop] : []),
  ...(certificate ? [keyOfCertificate(certificate)] : []),
]
