import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { type BoundKey, keyOfCertificate } from '#core/subject/bound-key.ts'
import type { PresentedCertificate } from '#core/subject/certificate.ts'
import type { ExchangeRequest } from './exchange-request.ts'

/** As much of a request as it takes to see which keys it proves. */
export interface KeyRequest {
  readonly snapshot: TenantSnapshot
  /** Of the connection. */
  readonly certificate: PresentedCertificate | undefined
  /** The value of a `DPoP` header, and where the request was sent to: any of these URLs. */
  readonly dpop: { readonly proof: string; readonly urls: readonly string[] } | undefined
  /** Remote address of the connection. */
  readonly address: string
  readonly request: Pick<ExchangeRequest, 'clientAssertion' | 'work' | 'taskId' | 'targets' | 'scope' | 'authorizationDetails'>
}

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
