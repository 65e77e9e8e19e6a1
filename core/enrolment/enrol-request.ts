import type { PresentedCertificate } from '#core/subject/certificate.ts'

/** What a workload sends to get a certificate, or a new one. At most one of both tokens; without one, its certificate is its proof. */
export interface EnrolRequest {
  /** PKCS #10, PEM. */
  readonly csr: string
  /** `mfj_…` */
  readonly joinToken: string | undefined
  /** A workload's JWT. */
  readonly subjectToken: string | undefined
  /** What the instance is to be called; only with a join token. */
  readonly instance: string | undefined
}

export interface Enrolled {
  readonly certificatePem: string
  /** What a TLS client sends: the leaf and whatever stands between it and the CA. */
  readonly chainPem: string
  /** The CA's certificates: the one that signed, the one before it, the one to come. */
  readonly caPem: string
  readonly spiffeId: string
  /** `agt_…` */
  readonly clientId: string
  readonly notAfterMs: number
  readonly renewAfterMs: number
}

export interface EnrolCaller {
  /** Of the connection. */
  readonly certificate: PresentedCertificate | undefined
  readonly address: string
}
