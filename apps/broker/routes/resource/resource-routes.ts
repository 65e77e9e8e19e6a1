// What guards call: POST /consume and POST /v1/decisions, with the resource's own credential and for its own audience only.

import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { GroupCommit } from '#core/audit/group-commit.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import { consumeToken } from '#core/resource-use/consume.ts'
import { reportDecisions } from '#core/resource-use/report-decisions.ts'
import type { Clock } from '#core/time/clock.ts'
import type { NonceOutcome, NonceUse } from '#db/resource-use/consume-nonce.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { createErrorHandler, renderProblem } from '../../http/error-handler.ts'
import { acceptJsonOnly } from '../../http/json-body.ts'
import { compileSchema } from '../../http/schema-validator.ts'
import { closed, problems } from '../v1/schemas.ts'
import { authenticateResource, type ResourcePrincipal } from './authenticate-resource.ts'

export interface ResourceRouteDeps {
  readonly db: UnscopedDb
  readonly directory: TenantDirectory
  readonly clock: Clock
  readonly log: Pick<GroupCommit, 'append'>
  readonly consumeNonce: (use: NonceUse) => Promise<NonceOutcome>
}

const ConsumeBody = Type.Object(
  {
    token_id: Type.String({ maxLength: 64, description: "The token's jti." }),
    nonce: Type.String({ minLength: 8, maxLength: 128 }),
    exp: Type.Integer({ minimum: 1, maximum: 99_999_999_999, description: "The token's exp, seconds since the epoch." }),
  },
  {
    ...closed,
    examples: [{ token_id: 'at_0198c0ffee00700080000000000000aa', nonce: 'q9ZbVx3nT5yKfW2s', exp: 1_893_456_000 }],
  },
)
const Consumed = Type.Object({ consumed: Type.Literal(true) }, closed)

const DecisionsBody = Type.Object(
  {
    decisions: Type.Array(
      Type.Object(
        {
          time: Type.Number({ description: 'Milliseconds since the epoch on the guard’s clock.' }),
          outcome: Type.Union([Type.Literal('allow'), Type.Literal('deny')]),
          reason: Type.String({ pattern: '^[a-z0-9_.-]{1,64}$' }),
          jti: Type.Optional(Type.String({ pattern: '^at_[0-9a-f]{32}$' })),
          account_id: Type.Optional(Type.String({ pattern: '^acct_[0-9a-f]{32}$' })),
          method: Type.Optional(Type.String({ pattern: '^[A-Z]{1,16}$' })),
          path_hash: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' })),
          count: Type.Optional(Type.Integer({ minimum: 1 })),
          units: Type.Optional(
            Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: 'What the call cost, in spend units.' }),
          ),
        },
        closed,
      ),
      { minItems: 1, maxItems: 200 },
    ),
  },
  {
    ...closed,
    examples: [
      {
        decisions: [
          {
            time: 1_893_456_000_000,
            outcome: 'allow',
            reason: 'granted',
            jti: 'at_0198c0ffee00700080000000000000aa',
            account_id: 'acct_0198c0ffee00700080000000000000aa',
            method: 'GET',
          },
        ],
      },
    ],
  },
)
const Accepted = Type.Object({ accepted: Type.Integer({ description: 'How many decisions are now in the log.' }) }, closed)

const tags = ['resource']
const security = [{ resource: [] }]
const consumeSchema = {
  tags,
  security,
  summary: 'Use up a token of a once resource',
  body: ConsumeBody,
  response: { 200: Consumed, ...problems },
}
const decisionsSchema = {
  tags,
  security,
  summary: 'Report what a guard allowed and refused',
  body: DecisionsBody,
  response: { 202: Accepted, ...problems },
}

export const resourceRoutes: FastifyPluginCallback<ResourceRouteDeps> = (app, deps, done) => {
  app.setErrorHandler(createErrorHandler(renderProblem, app.logger))
  app.setValidatorCompiler(compileSchema)
  const callers = new WeakMap<FastifyRequest, ResourcePrincipal>()
  // Before the body is read: a stranger's body is never parsed.
  app.addHook<{ Params: { slug?: string } }>('onRequest', async request => {
    callers.set(request as FastifyRequest, await authenticateResource(deps, request))
  })
  const callerOf = (request: unknown): ResourcePrincipal => {
    const caller = callers.get(request as FastifyRequest)
    if (!caller) throw new BrokerError('internal', { detail: 'a guard’s request was not authenticated' })
    return caller
  }
  acceptJsonOnly(app)
  for (const prefix of ['', '/t/:slug']) {
    app.post<{ Params: { slug?: string }; Body: Static<typeof ConsumeBody> }>(
      `${prefix}/consume`,
      { schema: consumeSchema },
      async (request, reply) => {
        const { token_id: tokenId, nonce, exp } = request.body
        await consumeToken(deps, callerOf(request), { tokenId, nonce, expiresSeconds: exp })
        return reply.send({ consumed: true })
      },
    )
    app.post<{ Params: { slug?: string }; Body: Static<typeof DecisionsBody> }>(
      `${prefix}/v1/decisions`,
      { schema: decisionsSchema },
      async (request, reply) => {
        await reportDecisions(deps, callerOf(request), request.body.decisions)
        return reply.code(202).send({ accepted: request.body.decisions.length })
      },
    )
  }
  done()
}
