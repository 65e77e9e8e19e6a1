// A trust source vouches for workloads: it says who signs, and what a credential must carry to be meant for us.

export type { BuiltinCaTrustSource } from './trust-source-kinds/builtin-ca.ts'
export type { OpenIdTrustSource } from './trust-source-kinds/openid.ts'
export type { PinnedTrustSource } from './trust-source-kinds/pinned.ts'
export type { SpiffeTrustSource } from './trust-source-kinds/spiffe.ts'
export type { TrustSource } from './trust-source-kinds/table.ts'
export type { X509TrustSource } from './trust-source-kinds/x509-ca.ts'
