import { createHmac, hkdfSync } from 'node:crypto'

export const macBytes = 16

/**
 * A MAC of `macBytes` bytes over the parts, one behind the other, under a key that is derived for this purpose alone: whoever
 * has the secret, as all replicas of a deployment do, knows what the others wrote. It may so serve many purposes. Throws
 * RangeError where the secret has fewer than 32 bytes.
 */
export function deriveMac(secret: Uint8Array, purpose: string): (...parts: readonly (string | Uint8Array)[]) => Buffer {
  if (secret.length < 32) throw new RangeError(`the secret behind "${purpose}" must be at least 32 bytes`)
  const key = Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
  return (...parts) => {
    const mac = createHmac('sha256', key)
    for (const part of parts) mac.update(part)
    return mac.digest().subarray(0, macBytes)
  }
}
