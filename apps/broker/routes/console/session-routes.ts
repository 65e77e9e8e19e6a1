import type { FastifyInstance } from 'fastify'
import { formatId } from '#core/ids/id.ts'
import type { ConsoleSession } from '#core/operators/sign-in/console-session.ts'
import { endConsoleSession } from '#core/operators/sign-in/console-session.ts'
import { createSignInLookUps } from '#core/operators/sign-in/find-provider.ts'
import type { ConsoleDeps } from './console-deps.ts'
import { clearSession } from './cookies.ts'
import type { Visitors } from './visitors.ts'

const hidden = { schema: { hide: true } } as const

/** Who is signed in, where one can, and out again. */
export function sessionRoutes(app: FastifyInstance, prefix: string, visitors: Visitors, deps: ConsoleDeps): void {
  const lookUps = createSignInLookUps(deps.db)
  app.get(`${prefix}/console/api/session`, hidden, async request => {
    const { tenant } = await visitors.tenantOf(request)
    const session = await visitors.findSession(request)
    return {
      person: session ? showPerson(session) : null,
      tenant: { slug: tenant.slug, name: tenant.name },
      role: session?.tenantId === tenant.id ? session.role : null,
    }
  })
  app.get<{ Params: { slug?: string } }>(`${prefix}/console/api/providers`, hidden, async request => {
    const { tenant } = await visitors.tenantOf(request)
    const offers = (await lookUps.findOffers(request.params.slug)) ?? []
    const own = offers.filter(({ row }) => row.tenant_id === tenant.id)
    return { providers: own.map(({ row }) => ({ id: formatId('signInProvider', row.id), name: row.name })) }
  })
  // Somebody of whichever tenant may leave from here.
  app.post(`${prefix}/console/sign-out`, hidden, async (request, reply) => {
    const session = await visitors.findSession(request)
    if (session) await endConsoleSession(deps.db.forTenant(session.tenantId), session, deps.clock.nowMs())
    return reply.code(204).header('set-cookie', clearSession).send(null)
  })
}

const showPerson = ({ person: { name, issuer, subject } }: ConsoleSession) => ({ name: name ?? null, issuer, subject })
