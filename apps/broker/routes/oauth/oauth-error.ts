// Errors as OAuth clients read them. RFC 6749 § 5.2.

import type { BrokerError } from '#core/errors/broker-error.ts'
import { errorCodes } from '#core/errors/codes.ts'
import type { RenderError } from '../../http/error-handler.ts'

/** RFC 6749 § 5.2: error_description holds %x20-21 / %x23-5B / %x5D-7E only. */
const describe = (error: BrokerError): string => error.publicText.replaceAll('"', "'").replace(/[^\x20-\x5b\x5d-\x7e]/g, ' ')

/**
 * RFC 6749 § 5.2: a 401 carries a challenge only for who tried `Authorization`, in the scheme that was tried. To others it
 * would say that sending one helps, and OAuth libraries would report the challenge in place of the error.
 */
function challengeFor(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  const scheme = /^(?:Basic|Bearer|DPoP)(?= |$)/i.exec(authorization)?.[0] ?? 'Bearer'
  return `${scheme} realm="mayfly"`
}

export const renderOAuthError: RenderError = (error, request) => ({
  contentType: 'application/json; charset=utf-8',
  body: { error: errorCodes[error.code].wire, error_description: describe(error) },
  challenge: challengeFor(request.headers.authorization),
})
