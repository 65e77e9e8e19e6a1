// SSF 1.0 § 7: what a receiver has to know of a transmitter, one for each tenant.

import type { FastifyPluginCallback } from 'fastify'
import { pollMethod, pushMethod } from '#core/ssf/streams.ts'
import { createErrorHandler, renderProblem } from '../../http/error-handler.ts'
import { resolveTenant } from '../oauth/tenant-of-path.ts'
import type { SsfRouteDeps } from './ssf-deps.ts'

/** § 7.2: the well-known part goes between host and path; behind the path, for those who look there. */
const paths = [
  '/.well-known/ssf-configuration',
  '/.well-known/ssf-configuration/t/:slug',
  '/t/:slug/.well-known/ssf-configuration',
]

export const ssfConfigurationRoutes: FastifyPluginCallback<Pick<SsfRouteDeps, 'directory'>> = (app, { directory }, done) => {
  app.setErrorHandler(createErrorHandler(renderProblem, app.logger))
  for (const url of paths)
    app.get<{ Params: { slug?: string } }>(url, { schema: { hide: true } }, async (request, reply) => {
      const { tenant } = await resolveTenant(directory, request.params.slug)
      return reply.header('cache-control', 'public, max-age=300').send(describeTransmitter(tenant.issuer))
    })
  done()
}

const describeTransmitter = (issuer: string): Record<string, unknown> => ({
  spec_version: '1_0',
  issuer,
  jwks_uri: `${issuer}/jwks`,
  delivery_methods_supported: [pushMethod, pollMethod],
  configuration_endpoint: `${issuer}/ssf/streams`,
  status_endpoint: `${issuer}/ssf/status`,
  add_subject_endpoint: `${issuer}/ssf/subjects/add`,
  remove_subject_endpoint: `${issuer}/ssf/subjects/remove`,
  verification_endpoint: `${issuer}/ssf/verify`,
  // A credential that the tenant's admin hands out, sent as Bearer.
  authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
  default_subjects: 'ALL',
})
