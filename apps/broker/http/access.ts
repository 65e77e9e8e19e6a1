// Who may call what is a table (`routes/v1/access-table.ts`). A route that is missing from it stops the boot, and so does a
// row without a route; nothing is exempted by the look of its URL.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { type Authenticated, authenticate } from '#core/operators/authenticate.ts'
import type { Principal, Role } from '#core/operators/principal.ts'
import type { Db } from '#db/connect.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'

/** Roles that may call; 'bootstrap': the route itself takes a bootstrap token instead of an operator's; 'anyone': no credential. */
export type Access = readonly Role[] | 'bootstrap' | 'anyone'
/** `METHOD /path/:param` → who. */
export type AccessTable = Readonly<Record<string, Access>>

const principals = new WeakMap<FastifyRequest, Authenticated>()
const outsiders = new WeakMap<FastifyRequest, Principal>()

/** Who calls, if it is known yet. */
export const findPrincipal = (request: FastifyRequest): Principal | undefined => principals.get(request)

/** Who calls though its role may not; undefined: it may, or nobody is known. */
export const findOutsider = (request: FastifyRequest): Principal | undefined => outsiders.get(request)

/** Who calls, on a route whose row names roles. */
export function principalOf(request: FastifyRequest): Authenticated {
  const principal = principals.get(request)
  if (!principal) throw new BrokerError('internal', { detail: 'a route asked for a principal that its row does not demand' })
  return principal
}

/** The tenant that a caller with a tenant of its own acts in. Throws `forbidden` for others. */
export const tenantOf = (request: FastifyRequest): string => ownTenant(principalOf(request))

/** The same of a principal. */
export function ownTenant({ tenantId }: Principal): string {
  if (tenantId === null) throw new BrokerError('forbidden', { hint: "Use a credential of the tenant's own." })
  return tenantId
}

/** The rows that the caller's credential is for: its tenant's, or the deployment's own. */
export const rowsOf = (db: UnscopedDb, request: FastifyRequest): Db => db.forTenant(principalOf(request).tenantId)

/** RFC 6750 § 2.1. Throws `not_authenticated`. */
export function bearerOf(request: FastifyRequest): string {
  const found = /^Bearer ([A-Za-z0-9._~+/=-]{1,256})$/i.exec(request.headers.authorization ?? '')
  if (!found) throw new BrokerError('not_authenticated', { hint: 'Send Authorization: Bearer followed by the credential.' })
  return found[1]!
}

/** Guards every route that is registered in `app` from now on. Must be called before them. */
export function guardByTable(app: FastifyInstance, db: UnscopedDb, table: AccessTable): void {
  const registered = new Set<string>()
  app.addHook('onRoute', route => {
    for (const method of [route.method].flat()) {
      const name = `${method} ${route.url}`
      if (!Object.hasOwn(table, name)) throw new Error(`route ${name} is missing from the access table`)
      registered.add(name)
    }
  })
  app.addHook('onReady', async () => {
    const idle = Object.keys(table).filter(name => !registered.has(name))
    if (idle.length > 0) throw new Error(`the access table names routes that do not exist: ${idle.join(', ')}`)
  })
  // Before the body is read: a stranger's body is never parsed.
  app.addHook('onRequest', async request => {
    const operation = `${request.method} ${request.routeOptions.url}`
    const access = table[operation]
    if (access === undefined) throw new BrokerError('forbidden', { detail: 'no row in the access table' })
    if (access === 'bootstrap' || access === 'anyone') return
    const principal = await authenticate(db, bearerOf(request))
    if (!access.includes(principal.role)) {
      outsiders.set(request, principal)
      throw new BrokerError('forbidden', {
        hint: `This needs one of the roles ${access.join(', ')}.`,
        detail: `role ${principal.role}`,
      })
    }
    principals.set(request, principal)
  })
}
