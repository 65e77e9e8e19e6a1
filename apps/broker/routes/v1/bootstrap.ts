import { Type } from 'typebox'
import { formatId } from '#core/ids/id.ts'
import { checkBootstrapToken, redeemBootstrapToken } from '#core/operators/bootstrap.ts'
import { bearerOf } from '../../http/access.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, problems, Time } from './schemas.ts'
import { showTenant, TenantBody, TenantView } from './tenants.ts'

const Body = Type.Object({ tenant: TenantBody }, { ...closed, examples: [{ tenant: { slug: 'acme', name: 'Acme Ltd' } }] })
const Created = Type.Object(
  {
    tenant: TenantView,
    operators: Type.Array(
      Type.Object(
        {
          id: Id('credential'),
          role: Type.Enum(['platform-admin', 'tenant-admin']),
          token: Type.String({ description: 'Shown this once.' }),
          expires_at: Time,
        },
        closed,
      ),
    ),
  },
  closed,
)

export function bootstrapRoute(app: V1App, deps: V1Deps): void {
  app.post(
    '/v1/bootstrap',
    {
      schema: {
        tags: ['operator'],
        summary: 'Redeem the bootstrap token: first tenant, first operators',
        security: [{ bootstrap: [] }],
        body: Body,
        response: { 201: Created, ...problems },
      },
      // As everywhere, a stranger's body is not parsed.
      onRequest: request => checkBootstrapToken(deps.db, bearerOf(request)),
    },
    async (request, reply) => {
      const { tenant, operators } = await redeemBootstrapToken(deps, bearerOf(request), request.body.tenant, deps.clock.nowMs())
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({
          tenant: showTenant(deps.baseUrl, tenant),
          operators: operators.map(({ id, role, token, expiresAt }) => ({
            id: formatId('credential', id),
            role: role as 'platform-admin' | 'tenant-admin',
            token,
            expires_at: expiresAt.toISOString(),
          })),
        })
    },
  )
}
