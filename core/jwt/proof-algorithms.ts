/**
 * What proofs of clients and credentials of vouchers may be signed with: asymmetric algorithms only (RFC 8725 § 3.1), those of
 * RFC 7518 § 3.1, RFC 8037 and RFC 9864.
 */
export const proofAlgorithms: readonly string[] = [
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'EdDSA',
  'Ed25519',
]
