import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ClaimDeps } from '#core/claim/claim-deps.ts'
import { makeClaimCode } from '#core/claim/make-claim-code.ts'
import type { Quotas } from '#core/quota/quotas.ts'
import type { Clock } from '#core/time/clock.ts'
import { closed, problems } from '../v1/schemas.ts'
import type { CallerOf } from './account-caller.ts'
import type { AccountRoutes } from './account-routes.ts'

const Code = Type.Object(
  {
    code: Type.String({
      description: 'To be shown to whoever is to claim. It never travels with the link.',
      examples: ['BCDF-GHJK'],
    }),
    expires_in: Type.Integer({ description: 'Seconds.' }),
  },
  closed,
)

interface ClaimCodeDeps extends Pick<ClaimDeps, 'dbOf' | 'codeMac'> {
  readonly quotas: Pick<Quotas, 'take'>
}

/** The code that whoever claims the account types; a new one takes the place of the last. Each costs the agent's rates as much as a token. */
export const claimCodeRoutes =
  (deps: ClaimCodeDeps, clock: Clock): AccountRoutes =>
  (app: FastifyInstance, prefix: string, callerOf: CallerOf) => {
    app.post(
      `${prefix}/account/claim-code`,
      {
        schema: {
          tags: ['own account'],
          summary: 'Make a code for whoever is to claim this account',
          security: [{ account: [] }],
          response: { 201: Code, ...problems },
        },
      },
      async (request, reply) => {
        const { account, agent, snapshot, address } = callerOf(request)
        // Each stands in the log: whoever could make them for nothing could fill it, a stranger too.
        await deps.quotas.take({ snapshot, agent, address, opens: false })
        const { code, expiresIn } = await makeClaimCode(deps, account, clock.nowMs())
        return reply.code(201).header('cache-control', 'no-store').send({ code, expires_in: expiresIn })
      },
    )
  }
