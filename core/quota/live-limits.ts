import type { Opening } from '#db/log/append.ts'
import type { Limits } from './limits.ts'

/** The database counts live accounts as integers. */
const greatestCount = 2_000_000_000

const count = (limit: number | null): number | undefined => (limit === null ? undefined : Math.min(limit, greatestCount))

/**
 * How many live accounts there may be, as an opening brings it to the commit, which counts exactly. addressScope: what the caller's
 * address counts for, asked only where there is a limit, so that nothing about it is kept elsewhere; undefined: it does not count.
 */
export function liveLimits(limits: Limits, addressScope?: () => string): Pick<Opening, 'limits' | 'address'> {
  const tenant = count(limits.tenant_live_accounts)
  const agent = count(limits.agent_live_accounts)
  const parent = count(limits.parent_live_accounts)
  const address = addressScope && count(limits.address_live_accounts)
  return {
    ...(addressScope && address !== undefined && { address: addressScope() }),
    limits: {
      ...(tenant !== undefined && { tenant }),
      ...(agent !== undefined && { agent }),
      ...(parent !== undefined && { parent }),
      ...(address !== undefined && { address }),
    },
  }
}
