// A trust source vouches for workloads: it says who signs, and what a credential must carry to be meant for us.

/** An OpenID issuer: CI, Kubernetes, cloud. Tokens must carry exactly `issuer` and, as their only audience, `audience`. */
export interface OpenIdTrustSource {
  readonly kind: 'openid'
  readonly id: string
  readonly name: string
  readonly issuer: string
  readonly audience: string
  /** Where the keys are; undefined: found by discovery at the issuer. Always https. */
  readonly jwksUri: string | undefined
  /** Accepted JWS algorithms; asymmetric only. */
  readonly algorithms: readonly string[]
  /** A token older than this (by `iat`) is refused even if its `exp` is later. Seconds. */
  readonly maxAgeSeconds: number
  /** PEM of the CA that the issuer's own HTTPS certificate must come from; undefined: the public ones. */
  readonly caPem: string | undefined
}

/** A certificate authority whose client certificates prove workloads over mTLS. */
export interface X509TrustSource {
  readonly kind: 'x509_ca'
  readonly id: string
  readonly name: string
  /** PEM of each anchor. The presented chain must end in one of these, whatever else the listener accepts. */
  readonly anchorsPem: readonly string[]
}

export type TrustSource = OpenIdTrustSource | X509TrustSource

/** What `trust_source.config` holds for each kind, beside the columns of the row. */
export interface OpenIdConfig {
  readonly jwks_uri?: string
  readonly algorithms: readonly string[]
  readonly max_age_seconds: number
  readonly ca_pem?: string
}
export interface X509Config {
  readonly anchors_pem: readonly string[]
}
