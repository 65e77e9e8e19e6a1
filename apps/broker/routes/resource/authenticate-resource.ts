import type { FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { authenticate } from '#core/operators/authenticate.ts'
import type { Principal } from '#core/operators/principal.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { resolveTenant } from '../oauth/tenant-of-path.ts'

export type ResourcePrincipal = Principal & { readonly tenantId: string; readonly resourceId: string }

/**
 * Who calls as a resource. The credential must be a resource's, and of the tenant whose path is called. Throws BrokerError
 * `not_found`, `not_authenticated` or `forbidden`.
 */
export async function authenticateResource(
  { db, directory }: { readonly db: UnscopedDb; readonly directory: TenantDirectory },
  request: FastifyRequest<{ Params: { slug?: string } }>,
): Promise<ResourcePrincipal> {
  const { tenant } = await resolveTenant(directory, request.params.slug)
  const [scheme, secret] = request.headers.authorization?.split(' ') ?? []
  if (scheme?.toLowerCase() !== 'bearer' || !secret)
    throw new BrokerError('not_authenticated', { hint: "Send the resource's credential as Bearer." })
  const principal = await authenticate(db, secret)
  const { tenantId, resourceId } = principal
  if (principal.role !== 'resource' || resourceId === undefined || tenantId !== tenant.id)
    throw new BrokerError('forbidden', { hint: 'Only the credential of a resource of this tenant may call this.' })
  return { ...principal, tenantId, resourceId }
}
