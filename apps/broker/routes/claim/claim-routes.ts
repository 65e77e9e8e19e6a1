// What the claim page asks. The secret is in the body of a POST, never in an address; looking changes nothing.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { confirmClaim } from '#core/claim/confirm.ts'
import { lookAtClaim } from '#core/claim/look.ts'
import { refuseClaim } from '#core/claim/refuse.ts'
import type { ConsoleDeps } from '../console/console-deps.ts'
import type { Visitors } from '../console/visitors.ts'
import { closed, Details } from '../v1/schemas.ts'

const Secret = Type.String({ minLength: 1, maxLength: 300 })
const OfSecret = Type.Object({ secret: Secret }, closed)
const Keep = Type.Object(
  {
    scopes: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 256 })),
    authorization_details: Type.Optional(Details),
  },
  closed,
)
const Confirm = Type.Object(
  { secret: Secret, code: Type.String({ minLength: 1, maxLength: 40 }), readmit: Type.Boolean(), keep: Type.Optional(Keep) },
  closed,
)

export function claimRoutes(plain: FastifyInstance, prefix: string, visitors: Visitors, deps: ConsoleDeps): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>()
  const { claims, clock } = deps
  const hidden = { hide: true } as const
  app.post(`${prefix}/console/api/claims/look`, { schema: { ...hidden, body: OfSecret } }, async request => {
    return lookAtClaim(claims, await visitors.get(request), request.body.secret)
  })
  app.post(`${prefix}/console/api/claims/confirm`, { schema: { ...hidden, body: Confirm } }, async request => {
    const visitor = await visitors.get(request)
    const { secret, code, readmit, keep } = request.body
    return { account: await confirmClaim(claims, visitor, { secret, code, readmit, keep }, clock.nowMs()) }
  })
  app.post(`${prefix}/console/api/claims/refuse`, { schema: { ...hidden, body: OfSecret } }, async (request, reply) => {
    await refuseClaim(claims, await visitors.get(request), request.body.secret, clock.nowMs())
    return reply.code(204).send(null)
  })
}
