// What OAuth defines, for every tenant: one parser of bodies, one form of errors. RFC 6749 §§ 5.2, RFC 8414.

import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { createErrorHandler } from '../../http/error-handler.ts'
import { type AnonymousChallengeDeps, anonymousChallengeRoutes } from './anonymous-challenge.ts'
import { type ChallengeRouteDeps, challengeRoutes } from './challenge.ts'
import { bodyLimitBytes, decodeUtf8, formType } from './form-body.ts'
import { type IntrospectRouteDeps, introspectRoutes } from './introspect.ts'
import { type MetadataRouteDeps, metadataRoutes } from './metadata.ts'
import { renderOAuthError } from './oauth-error.ts'
import { type RevokeRouteDeps, revokeRoutes } from './revoke.ts'
import { type TokenRouteDeps, tokenRoutes } from './token.ts'

/** Throws BrokerError `unsupported_media_type` for a charset, or any parameter, that would be read in another way than we do. */
function checkMediaType(contentType: string | undefined): void {
  if (contentType === formType) return
  const parameters = contentType?.split(';').slice(1) ?? []
  if (parameters.some(parameter => !/^\s*charset="?utf-8"?\s*$/i.test(parameter))) throw new BrokerError('unsupported_media_type')
}

export const oauthRoutes: FastifyPluginCallback<
  TokenRouteDeps & MetadataRouteDeps & ChallengeRouteDeps & AnonymousChallengeDeps & IntrospectRouteDeps & RevokeRouteDeps
> = (app, deps, done) => {
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
  app.register(challengeRoutes, deps)
  app.register(anonymousChallengeRoutes, deps)
  app.register(introspectRoutes, deps)
  app.register(revokeRoutes, deps)
  done()
}
