// What anyone may read beside metadata: the JSON Schema of each authorization_details type (RFC 9396 § 2.1 leaves the schema
// to whoever defines the type), and what a claim link shows to whoever opens it.

import type { FastifyPluginCallback } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { findPermissionType } from '#core/permission/types.ts'
import { createErrorHandler, renderProblem } from '../http/error-handler.ts'

/** The secret stands behind `#` and never reaches us; opening the link changes nothing. */
const claimPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mayfly · temporary account</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.25rem }
  h1 { font-size: 1.4rem } p { margin: .75rem 0 } small { opacity: .7 }
</style>
<h1>This link belongs to a temporary account</h1>
<p>An AI agent opened the account for one task. It ends by itself at its deadline, and opening this page has changed nothing.</p>
<p>This broker does not offer claiming yet. Keep the link to yourself: whoever has it may be able to claim the account later.</p>
<small>Mayfly</small>
</html>
`

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
  for (const url of ['/claim', '/t/:slug/claim'])
    app.get(url, { schema: { hide: true } }, async (_request, reply) =>
      reply
        .type('text/html; charset=utf-8')
        .headers({
          'cache-control': 'no-store',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff',
        })
        .send(claimPage),
    )
  done()
}
