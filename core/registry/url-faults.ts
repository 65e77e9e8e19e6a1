// What is wrong with a URL in a registration, as a sentence; undefined when nothing is. URLs are compared byte for byte
// everywhere, so only the one spelling that the URL standard would print is taken: no second spelling, no second owner.

const schemes = /^[a-z][a-z0-9+.-]*:/

/** Printable ASCII without what URLs never hold. */
const plain = /^[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/

function parse(text: string): URL | string {
  if (!plain.test(text)) return 'Write it in ASCII, without spaces, quotes or braces.'
  const url = schemes.test(text) ? URL.parse(text) : null
  if (url === null) return 'It must be an absolute URI.'
  if (text.includes('#')) return 'It must have no fragment.'
  if (url.username !== '' || url.password !== '') return 'It must hold no user name or password.'
  if (url.href !== text && url.href !== `${text}/`)
    return `Write it as ${url.href.length < 600 ? url.href : 'the URL standard does'}.`
  return url
}

/** An https URL with a host; with a query only where `query` allows. An OpenID issuer has none (OpenID Connect Discovery § 3). */
export function findHttpsFault(text: string, allow: { readonly query: boolean }): string | undefined {
  const url = parse(text)
  if (typeof url === 'string') return url
  if (url.protocol !== 'https:') return 'It must begin with https://.'
  if (!allow.query && text.includes('?')) return 'It must have no query.'
  return undefined
}

/** RFC 8707 § 2: an absolute URI without fragment. */
export function findResourceUriFault(text: string): string | undefined {
  const url = parse(text)
  if (typeof url === 'string') return url
  if (/^(?:javascript|data|blob|file|about):$/.test(url.protocol)) return `A resource cannot be a ${url.protocol} URI.`
  return undefined
}
