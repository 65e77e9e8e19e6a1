export interface SpiffeId {
  /** The whole URI, as it was written. */
  readonly uri: string
  readonly trustDomain: string
}

const maxBytes = 2048
const trustDomainText = /^[a-z0-9._-]{1,255}$/
const segmentText = /^[A-Za-z0-9._-]+$/

export const isTrustDomain = (text: string): boolean => trustDomainText.test(text)

/**
 * A workload's SPIFFE ID; undefined when the text is none (SPIFFE-ID § 2). Only the one spelling that the standard allows:
 * no port, user, query, fragment, escapes, empty or dotted segments. An ID without path is a trust domain's own and no workload's.
 */
export function parseSpiffeId(uri: string): SpiffeId | undefined {
  if (!uri.startsWith('spiffe://') || uri.length > maxBytes) return undefined
  const [trustDomain = '', ...path] = uri.slice('spiffe://'.length).split('/')
  if (!isTrustDomain(trustDomain) || path.length === 0) return undefined
  if (!path.every(segment => segmentText.test(segment) && segment !== '.' && segment !== '..')) return undefined
  return { uri, trustDomain }
}
