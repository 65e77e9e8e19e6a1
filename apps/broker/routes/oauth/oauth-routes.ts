// What OAuth defines, for every tenant: one parser of bodies, one form of errors. RFC 6749 §§ 5.2, RFC 8414.

import { isUtf8 } from 'node:buffer'
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { errorCodes } from '#core/errors/codes.ts'
import { createErrorHandler, type RenderError } from '../../http/error-handler.ts'
import { type MetadataRouteDeps, metadataRoutes } from './metadata.ts'
import { type TokenRouteDeps, tokenRoutes } from './token.ts'

const formType = 'application/x-www-form-urlencoded'

/** More than the largest honest request needs; a subject token is at most 16 KiB. */
const bodyLimitBytes = 64 * 1024

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

const renderOAuthError: RenderError = (error, request) => ({
  contentType: 'application/json; charset=utf-8',
  body: { error: errorCodes[error.code].wire, error_description: describe(error) },
  challenge: challengeFor(request.headers.authorization),
})

/** Throws BrokerError `malformed_request`. */
function decodeUtf8(body: Buffer): string {
  if (!isUtf8(body)) throw new BrokerError('malformed_request', { hint: 'The body is not valid UTF-8.' })
  return body.toString('utf8')
}

/** Throws BrokerError `unsupported_media_type` for a charset, or any parameter, that would be read in another way than we do. */
function checkMediaType(contentType: string | undefined): void {
  if (contentType === formType) return
  const parameters = contentType?.split(';').slice(1) ?? []
  if (parameters.some(parameter => !/^\s*charset="?utf-8"?\s*$/i.test(parameter))) throw new BrokerError('unsupported_media_type')
}

export const oauthRoutes: FastifyPluginCallback<TokenRouteDeps & MetadataRouteDeps> = (app, deps, done) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    formType,
    { parseAs: 'buffer', bodyLimit: bodyLimitBytes },
    async (request: FastifyRequest, body: Buffer) => {
      checkMediaType(request.headers['content-type'])
      return decodeUtf8(body)
    },
  )
  app.setErrorHandler(createErrorHandler(renderOAuthError, app.logger))
  app.register(metadataRoutes, deps)
  app.register(tokenRoutes, deps)
  done()
}
