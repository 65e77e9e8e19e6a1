// What an agent does with its own account, by a token for the issuer itself (`resource=<issuer>&scope=account`): on both ports,
// below each tenant's path. A theme hangs its routes here by a function of the same form as those below.

import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import type { BrokerError } from '#core/errors/broker-error.ts'
import { createErrorHandler, type RenderError } from '../../http/error-handler.ts'
import { acceptJsonOnly } from '../../http/json-body.ts'
import { toProblem } from '../../http/problem.ts'
import { compileSchema } from '../../http/schema-validator.ts'
import { type AccountDoorDeps, type CallerOf, guardAccountRoutes } from './account-caller.ts'
import { type ChildrenDeps, childrenRoutes } from './children.ts'
import { revokeRoute } from './revoke.ts'
import { accountVerbs, type VerbDeps } from './verbs.ts'

/** Registers routes of one theme below a prefix (empty, or `/t/:slug`); all are called with an account's token. */
export type AccountRoutes = (app: FastifyInstance, prefix: string, callerOf: CallerOf) => void

export interface AccountRouteDeps extends AccountDoorDeps, VerbDeps, ChildrenDeps {
  /** Those of other themes. */
  readonly more?: readonly AccountRoutes[]
}

/** RFC 6750 § 3, RFC 9449 § 7.1. */
const renderAccountProblem: RenderError = (error: BrokerError, request) => ({
  contentType: 'application/problem+json',
  body: toProblem(error, request.id),
  challenge: 'DPoP realm="mayfly", error="invalid_token", Bearer realm="mayfly", error="invalid_token"',
})

export const accountRoutes: FastifyPluginCallback<AccountRouteDeps> = (app, deps, done) => {
  app.setErrorHandler(createErrorHandler(renderAccountProblem, app.logger))
  app.setValidatorCompiler(compileSchema)
  const callerOf = guardAccountRoutes(app, deps)
  acceptJsonOnly(app)
  for (const prefix of ['', '/t/:slug']) {
    accountVerbs(app, prefix, callerOf, deps)
    revokeRoute(app, prefix, callerOf, deps)
    childrenRoutes(app, prefix, callerOf, deps)
    for (const routes of deps.more ?? []) routes(app, prefix, callerOf)
  }
  done()
}
