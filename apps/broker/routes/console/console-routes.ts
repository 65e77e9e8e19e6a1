// The console: pages for people, and what those pages ask. Tenants other than the first have all of it below `/t/<slug>`. Pages
// change nothing, whoever opens them; what changes something is a POST from one of them.

import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import { WrongCodeError } from '#core/claim/wrong-code-error.ts'
import { createSessionFinder } from '#core/operators/sign-in/console-session.ts'
import { createErrorHandler, type RenderError } from '../../http/error-handler.ts'
import { acceptJsonOnly } from '../../http/json-body.ts'
import { toProblem } from '../../http/problem.ts'
import { compileSchema } from '../../http/schema-validator.ts'
import { claimRoutes } from '../claim/claim-routes.ts'
import { ownedRoutes } from '../claim/owned-routes.ts'
import type { ConsoleDeps } from './console-deps.ts'
import { pageRoutes } from './page-routes.ts'
import { refuseForeignOrigin } from './refuse-foreign-origin.ts'
import { sessionRoutes } from './session-routes.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { createVisitors } from './visitors.ts'

const handlerTimeoutMs = 15_000

/** Pages want one word to go by, and how many tries are left. No challenge: a browser would open a window of its own for it. */
const renderConsoleProblem: RenderError = (error, request) => {
  const problem = toProblem(error, request.id)
  const code = problem.type.slice('urn:mayfly:error:'.length)
  const body = { ...problem, code, ...(error instanceof WrongCodeError && { attempts_left: error.attemptsLeft }) }
  return { contentType: 'application/problem+json', body, challenge: undefined }
}

export const consoleRoutes: FastifyPluginCallback<ConsoleDeps> = (app, deps, done) => {
  app.setErrorHandler(createErrorHandler(renderConsoleProblem, app.logger))
  app.setValidatorCompiler(compileSchema)
  acceptJsonOnly(app)
  app.addHook('onRoute', route => {
    route.handlerTimeout ??= handlerTimeoutMs
  })
  refuseForeignOrigin(app, deps.publicUrl)
  app.register(pageRoutes, deps)
  app.register(asked, deps)
  done()
}

const asked: FastifyPluginCallback<ConsoleDeps> = (app, deps, done) => {
  hardenAnswers(app)
  const visitors = createVisitors(deps.directory, createSessionFinder(deps.db))
  const signIn = signInRoutes(deps)
  for (const prefix of ['', '/t/:slug']) {
    signIn(app, prefix)
    sessionRoutes(app, prefix, visitors, deps)
  }
  app.register((own, _options, registered) => {
    // Strangers are refused before their body is read, which costs more than they do.
    own.addHook('onRequest', async request => {
      await visitors.get(request)
    })
    for (const prefix of ['', '/t/:slug']) {
      claimRoutes(own, prefix, visitors, deps)
      ownedRoutes(own, prefix, visitors, deps)
    }
    registered()
  })
  done()
}

/** Answers for scripts, never a document, and never kept. */
function hardenAnswers(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
  })
}
