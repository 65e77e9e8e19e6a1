const alphabet = /^[A-Za-z0-9_-]+$/

/**
 * Strict base64url (RFC 4648 § 5, no padding): one text for each byte string, so nothing can be written in two ways. Undefined
 * for every other spelling, and for no text at all.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  if (!alphabet.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
