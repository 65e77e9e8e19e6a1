// Whoever is known and is told no stands in the log before it hears of it, wherever the no comes from: the access table, a handler that
// looks whose the thing is, core, a row that is another tenant's and so is not there. All of them end as an error's answer, so there it is
// recorded, once for all routes. What cannot be recorded is answered as what went wrong.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { BrokerError } from '#core/errors/broker-error.ts'
import { errorCodes } from '#core/errors/codes.ts'
import { NothingThere } from '#core/errors/nothing-there.ts'
import { OperatorRefusals, type Refusal } from '#core/operators/refusals.ts'
import type { Clock } from '#core/time/clock.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { findOutsider, findPrincipal } from './access.ts'
import { createErrorHandler, renderProblem } from './error-handler.ts'
import { toBrokerError } from './to-broker-error.ts'

export interface RefusalDeps {
  readonly db: UnscopedDb
  readonly clock: Clock
}

/** Answers every error of the routes in `app`, and records those that are refusals of an operator. */
export function answerRefusals(app: FastifyInstance, { db, clock }: RefusalDeps): void {
  const refusals = new OperatorRefusals()
  const answer = createErrorHandler(renderProblem, app.logger)
  const recorded = async (error: BrokerError, request: FastifyRequest): Promise<BrokerError> => {
    const refusal = refusalOf(error, request)
    if (!refusal) return error
    try {
      await refusals.record(db.forTenant(refusal.principal.tenantId), refusal, clock.nowMs())
      return error
    } catch (failure) {
      return toBrokerError(failure)
    }
  }
  app.setErrorHandler(async (thrown, request, reply) => answer(await recorded(toBrokerError(thrown), request), request, reply))
}

/** Undefined: nobody is known, or what went wrong is no refusal. */
function refusalOf(error: BrokerError, request: FastifyRequest): Refusal | undefined {
  const outsider = findOutsider(request)
  const principal = outsider ?? findPrincipal(request)
  const isRefusal = errorCodes[error.code].status === 403 || (error.code === 'not_found' && !(error instanceof NothingThere))
  if (!principal || !isRefusal) return undefined
  const { method, url } = request.routeOptions
  const reason = outsider ? 'role' : error.code
  return { principal, operation: `${method} ${url}`, reason, target: targetOf(request) }
}

/** The other tenant, else what the path names. Nothing has checked what a refused caller sent: only an id of ours is repeated. */
function targetOf({ query, params }: FastifyRequest): string | undefined {
  const { tenant } = (query ?? {}) as { readonly tenant?: unknown }
  const named = [tenant, ...Object.values((params ?? {}) as Readonly<Record<string, unknown>>)]
  return named.find(text => typeof text === 'string' && /^[a-z]{2,4}_[0-9a-f]{32}$/.test(text)) as string | undefined
}
