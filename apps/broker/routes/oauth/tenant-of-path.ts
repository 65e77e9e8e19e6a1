import { BrokerError } from '#core/errors/broker-error.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'

/** The tenant that a path names, found before any credential is looked at. Throws BrokerError `not_found`. */
export async function resolveTenant(directory: TenantDirectory, slug: string | undefined): Promise<TenantSnapshot> {
  const snapshot = await directory.resolve(slug)
  if (!snapshot) throw new BrokerError('not_found', { hint: 'No tenant has this path.' })
  return snapshot
}
