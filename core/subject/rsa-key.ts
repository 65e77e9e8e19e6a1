import type { KeyObject } from 'node:crypto'

/** An honest exponent is 65537 or less; a long one makes verifying cost as much as signing does. */
const maxExponent = 2n ** 32n

/**
 * Whether an RSA key that somebody else made is neither weak nor slow. Whoever may bring a key decides what verifying with
 * it costs, for all tenants: so both ends are bounded.
 */
export function isSoundRsaKey(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = maxExponent } = key.asymmetricKeyDetails ?? {}
  return modulusLength >= 2048 && modulusLength <= 8192 && publicExponent < maxExponent
}
