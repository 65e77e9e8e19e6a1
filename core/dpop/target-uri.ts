// `htu` names the request's target without query and fragment. Client and server may spell one address in several ways, so
// both are brought to one form (RFC 9449 § 4.3, RFC 3986 §§ 6.2.2, 6.2.3).

const maxLength = 4096
/** RFC 3986 § 2. What a URL parser would mend by itself (backslashes, line breaks, spaces) is no URI. */
const uriGrammar = /^https?:\/\/[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/i
const unreserved = /[A-Za-z0-9\-._~]/

/** The address in the form in which two are compared; undefined for what is no http(s) URI. Never throws. */
export function normaliseTarget(uri: string): string | undefined {
  if (uri.length > maxLength || !uriGrammar.test(uri) || !URL.canParse(uri)) return undefined
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '') return undefined
  return `${url.protocol}//${url.host}${sameEscapes(url.pathname)}`
}

/** `%7e` is `~`, and `%2f` is `%2F` but never a slash. */
function sameEscapes(path: string): string {
  return path.replace(/%[0-9A-Fa-f]{2}/g, escaped => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return unreserved.test(character) ? character : escaped.toUpperCase()
  })
}
