import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import type { BrokerDeps } from './deps.ts'

/** Writes the last second's counts of junk into the log: one event a tenant, however much came. What cannot be written is dropped. */
export async function flushRejections({
  rejections,
  clock,
  log,
  logger,
}: Pick<BrokerDeps, 'rejections' | 'clock' | 'log' | 'logger'>): Promise<void> {
  const byTenant = Map.groupBy(rejections.drain(), count => count.tenantId)
  const writing = [...byTenant].map(([tenantId, counts]) => {
    const reasons = Object.fromEntries(counts.map(({ reason, count }) => [reason, count]))
    const event = prepareEvent({ type: 'requests.rejected', tenantId, facts: { reasons } }, clock.nowMs())
    return log.append(eventOnly(tenantId, event))
  })
  for (const result of await Promise.allSettled(writing))
    if (result.status === 'rejected') logger.warn({ err: result.reason }, 'counts of rejected requests could not be written')
}
