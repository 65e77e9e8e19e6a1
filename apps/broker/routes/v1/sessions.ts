import { Type } from 'typebox'
import { formatId } from '#core/ids/id.ts'
import { type OperatorRole, operatorRoles } from '#core/operators/principal.ts'
import { endSession } from '#core/operators/sign-in/open-session.ts'
import { findTenant } from '#db/registry/tenants.ts'
import { principalOf, rowsOf } from '../../http/access.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, operatorSecurity, problems, Slug, TenantOrNone, Time } from './schemas.ts'

const WhoAmI = Type.Object(
  {
    id: Id('credential'),
    kind: Type.Enum(['session', 'token']),
    role: Type.Enum([...operatorRoles]),
    tenant: TenantOrNone,
    tenant_slug: Type.Union([Slug, Type.Null()]),
    name: Type.String({ description: 'Of the person, or of the token.' }),
    person: Type.Optional(Id('person', 'Who signed in, or answers for the token.')),
    issuer: Type.Optional(Type.String()),
    subject: Type.Optional(Type.String()),
    expires_at: Time,
  },
  closed,
)

/** What any credential may ask of itself. */
export function sessionRoutes(app: V1App, deps: V1Deps): void {
  const base = { tags: ['session'], security: operatorSecurity }
  app.get(
    '/v1/whoami',
    { schema: { ...base, summary: 'Whose credential this is', response: { 200: WhoAmI, ...problems } } },
    async request => {
      const { credentialId, kind, role, tenantId, person, name, expiresAt } = principalOf(request)
      const tenant = tenantId === null ? undefined : await findTenant(deps.db.forTenant(tenantId), tenantId)
      return {
        id: formatId('credential', credentialId),
        kind,
        role: role as OperatorRole,
        tenant: tenantId === null ? null : formatId('tenant', tenantId),
        tenant_slug: tenant?.slug ?? null,
        name,
        ...(person && { person: formatId('person', person.id), issuer: person.issuer, subject: person.subject }),
        expires_at: expiresAt.toISOString(),
      }
    },
  )
  app.delete(
    '/v1/sessions/current',
    {
      schema: {
        ...base,
        summary: 'Sign out: end the session that this is sent with',
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await rowsOf(deps.db, request)
        .transaction()
        .execute(trx => endSession(trx, principalOf(request), deps.clock.nowMs()))
      return reply.code(204).send(null)
    },
  )
}
