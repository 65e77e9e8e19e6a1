// GET /status-lists/{name}: draft-ietf-oauth-status-list-21 § 8. Anyone may read a list: it names nobody, and says of a place no more
// than whether the token there is revoked.

import type { FastifyPluginCallback } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { ListNames } from '#core/status-list/list-names.ts'
import { maxAgeSeconds, type PublishedLists, statusListTyp } from '#core/status-list/published-lists.ts'
import { createErrorHandler } from '../../http/error-handler.ts'
import { renderOAuthError } from './oauth-error.ts'
import { resolveTenant } from './tenant-of-path.ts'

export interface StatusListRouteDeps {
  readonly directory: TenantDirectory
  readonly statusLists: { readonly names: ListNames; readonly published: PublishedLists }
}

interface ListRequest {
  readonly Params: { readonly slug?: string; readonly name: string }
  readonly Querystring: Readonly<Record<string, unknown>>
}

export const statusListRoutes: FastifyPluginCallback<StatusListRouteDeps> = (app, { directory, statusLists }, done) => {
  const { names, published } = statusLists
  app.setErrorHandler(createErrorHandler(renderOAuthError, app.logger))
  for (const url of ['/status-lists/:name', '/t/:slug/status-lists/:name'])
    app.get<ListRequest>(url, { schema: { hide: true } }, async (request, reply) => {
      // § 8.1: for verifiers that run in a page.
      reply.header('access-control-allow-origin', '*')
      // § 8.4: a list as of an earlier time would need what is deleted when its tokens end.
      if ('time' in request.query) throw new BrokerError('history_not_kept')
      const { slug, name } = request.params
      const snapshot = await resolveTenant(directory, slug)
      const list = names.read(snapshot.tenant.id, name)
      const uri = `${snapshot.tenant.issuer}/status-lists/${name}`
      const token = list && (await published.get(snapshot, list, uri))
      if (token === undefined) throw new BrokerError('not_found', { hint: 'No token is in such a list.' })
      return reply.type(`application/${statusListTyp}`).header('cache-control', `public, max-age=${maxAgeSeconds}`).send(token)
    })
  done()
}
