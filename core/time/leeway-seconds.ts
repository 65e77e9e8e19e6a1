/**
 * How far ahead of the database's clock somebody else's may run, for `iat`, `nbf` and the like (RFC 7519 § 4.1.5). Never for
 * `exp`: what has ended has ended.
 */
export const leewaySeconds = 10
