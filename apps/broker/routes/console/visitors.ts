// Who is at the other end: the tenant of the path first, then whose the cookie is.

import type { FastifyRequest } from 'fastify'
import type { Visitor } from '#core/claim/visitor.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { ConsoleSession } from '#core/operators/sign-in/console-session.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { resolveTenant } from '../oauth/tenant-of-path.ts'
import { readSessionCookie } from './cookies.ts'

export interface Visitors {
  /** Throws `not_found` for a path of no tenant. */
  tenantOf(request: FastifyRequest): Promise<TenantSnapshot>
  /** Of whichever tenant; undefined: nobody is signed in. */
  findSession(request: FastifyRequest): Promise<ConsoleSession | undefined>
  /** Throws `sign_in_needed`, and `other_tenant` for somebody of another tenant than the path's. Looked up once for a request. */
  get(request: FastifyRequest): Promise<Visitor>
}

export function createVisitors(
  directory: TenantDirectory,
  findBySecret: (secret: string) => Promise<ConsoleSession | undefined>,
): Visitors {
  const tenantOf = (request: FastifyRequest) => resolveTenant(directory, (request.params as { slug?: string }).slug)
  const findSession = async ({ headers }: FastifyRequest) => {
    const secret = readSessionCookie(headers)
    return secret === undefined ? undefined : findBySecret(secret)
  }
  const known = new WeakMap<FastifyRequest, Visitor>()
  return {
    tenantOf,
    findSession,
    async get(request) {
      const found = known.get(request)
      if (found) return found
      const snapshot = await tenantOf(request)
      const session = await findSession(request)
      if (!session) throw new BrokerError('sign_in_needed')
      if (session.tenantId !== snapshot.tenant.id) throw new BrokerError('other_tenant')
      known.set(request, { snapshot, session })
      return { snapshot, session }
    },
  }
}
