import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyPluginCallback } from 'fastify'
import { Type } from 'typebox'
import { readClaimStatus } from '#core/claim/claim-status.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { createErrorHandler, renderProblem } from '../../http/error-handler.ts'
import { acceptJsonOnly } from '../../http/json-body.ts'
import { compileSchema } from '../../http/schema-validator.ts'
import type { ConsoleDeps } from '../console/console-deps.ts'
import { resolveTenant } from '../oauth/tenant-of-path.ts'
import { closed, problems, Slug, Time } from '../v1/schemas.ts'

const Status = Type.Object(
  {
    status: Type.Enum(['pending', 'claimed']),
    expires_at: Type.Optional(Time),
    claimed_at: Type.Optional(Time),
  },
  closed,
)
const schema = {
  tags: ['claim'],
  summary: 'Whether the account of a claim link was claimed; for whoever holds the link',
  security: [],
  body: Type.Object({ secret: Type.String({ minLength: 1, maxLength: 300, description: 'Of `claim_uri`, behind #.' }) }, closed),
  response: { 200: Status, ...problems },
}

type Deps = Pick<ConsoleDeps, 'claims' | 'directory' | 'rejections' | 'addressOf'>

/** Polled by programs, with no cookie: whoever asks is known by the secret alone. */
export const claimStatusRoutes: FastifyPluginCallback<Deps> = (plain, deps, done) => {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>()
  app.setErrorHandler(createErrorHandler(renderProblem, app.logger))
  app.setValidatorCompiler(compileSchema)
  acceptJsonOnly(plain)
  app.addHook('onRequest', async request => deps.rejections.admit(deps.addressOf(request.raw), () => false))
  for (const prefix of ['', '/t/:slug'])
    app.post(
      `${prefix}/claim/status`,
      { schema: prefix === '' ? schema : { ...schema, params: Type.Object({ slug: Slug }, closed) } },
      async (request, reply) => {
        const { tenant } = await resolveTenant(deps.directory, (request.params as { slug?: string }).slug)
        reply.header('cache-control', 'no-store')
        try {
          return await readClaimStatus(deps.claims, tenant.id, request.body.secret)
        } catch (error) {
          if (error instanceof BrokerError && error.code === 'claim_expired')
            deps.rejections.count(tenant.id, deps.addressOf(request.raw), error.code)
          throw error
        }
      },
    )
  done()
}
