import { createHash } from 'node:crypto'

/** SPIFFE-ID § 2.1. */
const maxLength = 255

/**
 * The trust domain of a tenant's built-in CA: `<slug>.<host of the deployment>`. Slugs have no dots and are unique, so no two
 * tenants share one. A host that is an address is written with dashes, as no part of it is a domain; one that is too long by
 * a hash of it.
 */
export function trustDomainOf(baseUrl: string, slug: string): string {
  const hostname = new URL(baseUrl).hostname.replace(/\.$/, '')
  const isAddress = hostname.startsWith('[') || /^[0-9.]+$/.test(hostname)
  const host = isAddress ? hostname.replace(/^\[|\]$/g, '').replaceAll(/[.:]/g, '-') : hostname
  const name = `${slug}.${host}`
  return name.length <= maxLength ? name : `${slug}.${createHash('sha256').update(host).digest('hex').slice(0, 32)}`
}
