import type { Opening } from '#db/log/append.ts'
import type { Limits } from './limits.ts'

/** The database counts live accounts as integers. */
const greatestCount = 2_000_000_000

const count = (limit: number | null): number | undefined => (limit === null ? undefined : Math.min(limit, greatestCount))

/** How many live accounts there may be, as an opening brings it to the commit, which counts exactly. */
export function liveLimits(limits: Limits): NonNullable<Opening['limits']> {
  const tenant = count(limits.tenant_live_accounts)
  const agent = count(limits.agent_live_accounts)
  const parent = count(limits.parent_live_accounts)
  return {
    ...(tenant !== undefined && { tenant }),
    ...(agent !== undefined && { agent }),
    ...(parent !== undefined && { parent }),
  }
}
