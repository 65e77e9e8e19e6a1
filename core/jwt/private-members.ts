/** RFC 7518 §§ 6.2.2, 6.3.2, 6.4, RFC 8037 § 2, and AKP of the drafts that follow. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv', 'seed']

/** Whether a JWK holds what must never be sent: it is told apart from a key that cannot be used, because it is a leak. */
export const holdsPrivateKey = (jwk: object): boolean => privateMembers.some(name => Object.hasOwn(jwk, name))
