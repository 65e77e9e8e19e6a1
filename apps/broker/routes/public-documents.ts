// What anyone may read beside metadata: the JSON Schema of each authorization_details type (RFC 9396 § 2.1 leaves the schema
// to whoever defines the type).

import type { FastifyPluginCallback } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { findPermissionType } from '#core/permission/types.ts'
import { createErrorHandler, renderProblem } from '../http/error-handler.ts'

export const publicDocumentRoutes: FastifyPluginCallback = (app, _options, done) => {
  app.setErrorHandler(createErrorHandler(renderProblem, app.logger))
  app.get<{ Params: { file: string } }>(
    '/schemas/authorization-details/:file',
    { schema: { hide: true } },
    async (request, reply) => {
      const row = findPermissionType(request.params.file.replace(/\.json$/, ''))
      if (!row) throw new BrokerError('not_found', { hint: 'No such type of authorization_details.' })
      return reply
        .type('application/schema+json')
        .header('cache-control', 'public, max-age=3600')
        .send(JSON.stringify(row.schema))
    },
  )
  done()
}
