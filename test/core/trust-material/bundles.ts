// SPIFFE bundles of test authorities.

import type { CertificateAuthority } from '#apps/standalone/dev-ca.ts'

/** jwtKeys: public JWKs with a kid. */
export function makeBundle(
  authorities: readonly CertificateAuthority[],
  more: { readonly jwtKeys?: readonly object[]; readonly hint?: number } = {},
): Record<string, unknown> {
  return {
    keys: [
      ...authorities.map(({ certificate }) => ({
        kty: 'EC',
        use: 'x509-svid',
        x5c: [Buffer.from(certificate.rawData).toString('base64')],
      })),
      ...(more.jwtKeys ?? []).map(jwk => ({ ...jwk, use: 'jwt-svid' })),
    ],
    spiffe_sequence: 1,
    ...(more.hint !== undefined && { spiffe_refresh_hint: more.hint }),
  }
}
