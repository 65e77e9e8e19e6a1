import type { KeyObject } from 'node:crypto'
import { isSoundRsaKey } from './rsa-key.ts'

/** Whether a public key that somebody else made is of a kind and size that we rely on. */
export function isStrongKey(key: KeyObject): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa' || type === 'rsa-pss') return isSoundRsaKey(key)
  if (type === 'ec') return ['prime256v1', 'secp384r1', 'secp521r1'].includes(details?.namedCurve ?? '')
  return type === 'ed25519'
}
