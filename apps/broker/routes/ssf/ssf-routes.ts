// The transmitter's side of the Shared Signals Framework 1.0 § 8, for receivers with a credential of their own (`mfe_…`), which is
// looked at before a body is read.

import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { bearerOf } from '../../http/access.ts'
import { createErrorHandler, renderProblem } from '../../http/error-handler.ts'
import { acceptJsonOnly } from '../../http/json-body.ts'
import { compileSchema } from '../../http/schema-validator.ts'
import { resolveTenant } from '../oauth/tenant-of-path.ts'
import { pollRoute } from './poll.ts'
import type { CallOf, SsfCall, SsfRouteDeps } from './ssf-deps.ts'
import { stateRoutes } from './stream-state.ts'
import { streamRoutes } from './streams.ts'

export const ssfRoutes: FastifyPluginCallback<SsfRouteDeps> = (app, deps, done) => {
  app.setErrorHandler(createErrorHandler(renderProblem, app.logger))
  app.setValidatorCompiler(compileSchema)
  const calls = new WeakMap<FastifyRequest, SsfCall>()
  app.addHook<{ Params: { slug?: string } }>('onRequest', async request => {
    calls.set(request as FastifyRequest, await identify(deps, request))
  })
  const callOf: CallOf = request => {
    const call = calls.get(request as FastifyRequest)
    if (!call) throw new BrokerError('internal', { detail: 'a receiver’s request was not authenticated' })
    return call
  }
  acceptJsonOnly(app)
  // Polls that wait are answered when the broker stops.
  app.addHook('preClose', async () => deps.wakes.close())
  for (const prefix of ['', '/t/:slug']) {
    streamRoutes(app as FastifyInstance, prefix, deps, callOf)
    stateRoutes(app as FastifyInstance, prefix, deps, callOf)
    pollRoute(app as FastifyInstance, prefix, deps, callOf)
  }
  done()
}

async function identify(
  { directory, receivers }: SsfRouteDeps,
  request: FastifyRequest<{ Params: { slug?: string } }>,
): Promise<SsfCall> {
  const snapshot = await resolveTenant(directory, request.params.slug)
  const caller = await receivers.authenticate(bearerOf(request as FastifyRequest), snapshot.tenant.id)
  return { caller, snapshot }
}
