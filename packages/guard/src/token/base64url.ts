const alphabet = /^[A-Za-z0-9_-]+$/

/** Strict base64url (RFC 4648 § 5, no padding): one text for each byte string. Undefined for every other spelling. */
export function decodeBase64url(text: string): Buffer | undefined {
  if (!alphabet.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
