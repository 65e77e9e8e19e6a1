// What a body must be before it is parsed as a form.

import { isUtf8 } from 'node:buffer'
import { BrokerError } from '#core/errors/broker-error.ts'

export const formType = 'application/x-www-form-urlencoded'

/** More than the largest honest request needs; a subject token is at most 16 KiB. */
export const bodyLimitBytes = 64 * 1024

/** Throws BrokerError `malformed_request`. */
export function decodeUtf8(body: Buffer): string {
  if (!isUtf8(body)) throw new BrokerError('malformed_request', { hint: 'The body is not valid UTF-8.' })
  return body.toString('utf8')
}
