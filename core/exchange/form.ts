// The one parser of form bodies. `application/x-www-form-urlencoded` as OAuth uses it (RFC 6749 appendix B), read so that
// no two readers can differ: bad escapes and bad UTF-8 are errors, and so is a parameter that comes twice, except the two
// that may (RFC 8693 § 2.1). An empty value counts as omitted (RFC 6749 § 3.2).

import { BrokerError } from '#core/errors/broker-error.ts'

export type Form = ReadonlyMap<string, readonly string[]>

const repeatable = new Set(['resource', 'audience'])
const maxParameters = 64
const needsDecoding = /[%+]/

/** name: whose value the text is; undefined: it is a name itself. */
function decode(text: string, name?: string): string {
  if (!needsDecoding.test(text)) return text
  try {
    return decodeURIComponent(text.includes('+') ? text.replaceAll('+', ' ') : text)
  } catch {
    const what = name === undefined ? 'A parameter name' : nameForHumans(name)
    throw new BrokerError('malformed_request', { hint: `${what} is not valid percent-encoded UTF-8.` })
  }
}

/** Shows a stranger's parameter name in an error only if it is harmless there. */
const nameForHumans = (name: string): string => (/^[a-z_]{1,40}$/.test(name) ? name : 'A parameter')

/** Throws BrokerError `malformed_request`. */
export function parseForm(body: string): Form {
  const form = new Map<string, string[]>()
  if (body === '') return form
  const pairs = body.split('&', maxParameters + 1)
  if (pairs.length > maxParameters)
    throw new BrokerError('malformed_request', { hint: `Send at most ${maxParameters} parameters.` })
  let omitted = false
  for (const pair of pairs) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1), name)
    if (name.includes('\0') || value.includes('\0'))
      throw new BrokerError('malformed_request', { hint: `${nameForHumans(name)} holds a NUL character.` })
    const sent = value === '' ? [] : [value]
    const before = form.get(name)
    if (!before) form.set(name, sent)
    else if (repeatable.has(name)) before.push(...sent)
    else throw new BrokerError('malformed_request', { hint: `${nameForHumans(name)} was sent more than once.` })
    omitted ||= value === ''
  }
  if (omitted) for (const [name, sent] of form) if (sent.length === 0) form.delete(name)
  return form
}
