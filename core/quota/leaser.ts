// Leases of all blocks of this process, gathered: while one round trip is under way, the next gathers.

import { BrokerError } from '#core/errors/broker-error.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import type { LeasedRow, LeaseRow, QuotaCode } from '#db/quota/lease.ts'
import type { Lease, LeaseRequest, Leaser, QuotaKind } from './block.ts'

const codes: Readonly<Record<QuotaKind, QuotaCode>> = {
  opens: 'o',
  tokens: 't',
  units: 'u',
  account_tokens: 'T',
  account_units: 'U',
}

export const windowSeconds = 60

const windowOf = (kind: QuotaKind): number => (kind === 'account_tokens' || kind === 'account_units' ? 0 : windowSeconds)

/** lease: `leaseQuota` bound to a connection. A lease that is not answered in 850 ms throws BrokerError `log_unavailable`. */
export function createLeaser(lease: (rows: readonly LeaseRow[]) => Promise<LeasedRow[]>): Leaser {
  const loader = new BatchLoader<LeaseRequest, Lease>(async requests => {
    const rows = await lease(
      requests.map(({ kind, ...request }) => ({ ...request, code: codes[kind], windowSeconds: windowOf(kind) })),
    )
    return new Map(rows.map((row, index) => [requests[index]!, { ...row, endsMs: row.endsMs ?? Number.POSITIVE_INFINITY }]))
  }, 256)
  return async request => {
    const leased = await loader.load(request)
    if (!leased) throw new BrokerError('log_unavailable', { detail: 'a lease was not answered', retryAfterSeconds: 1 })
    return leased
  }
}
