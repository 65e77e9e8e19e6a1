/** Asymmetric ones only (RFC 8725 § 3.1): a symmetric one would make the issuer's public key a signing key. RFC 7518, RFC 8037, RFC 9864. */
export const subjectTokenAlgorithms = [
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
  'EdDSA',
  'Ed25519',
] as const

/** What proofs of clients and credentials of vouchers may be signed with: of the older RSA signatures only the one that all have. */
export const proofAlgorithms: readonly string[] = subjectTokenAlgorithms.filter(name => !['RS384', 'RS512'].includes(name))
