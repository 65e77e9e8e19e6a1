// Usage is folded from the log by a round of its own: records for billing trail what happens by seconds, and by no more than the
// time that the worker was down. Nothing waits for it, and where several workers run, one folds at a time.

import type { Logger } from 'pino'
import { sparingly } from '#apps/process/sparingly.ts'
import type { Database } from '#db/connect.ts'
import { foldUsage } from '#db/quota/fold-usage.ts'
import { every } from './every.ts'

const standardEveryMs = 2_000

export interface UsageRounds {
  /** Finishes the round under way, then ends. */
  close(): Promise<void>
}

export function startUsageRounds(
  { sql }: Pick<Database, 'sql'>,
  logger: Pick<Logger, 'warn'>,
  everyMs = standardEveryMs,
): UsageRounds {
  const complain = sparingly(error => logger.warn({ err: error }, 'usage could not be folded; it is tried again'))
  return every(everyMs, () => foldUsage(sql).catch(complain))
}
