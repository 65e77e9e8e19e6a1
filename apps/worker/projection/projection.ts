// The log's search projection follows the log by a round of its own. A broker that is asked projects what is missing itself, so what the
// worker does here is to keep that little. Where several workers run, one projects at a time.

import type { Logger } from 'pino'
import { Gauge, type Registry } from 'prom-client'
import { sparingly } from '#apps/process/sparingly.ts'
import { projectLog, readProjection } from '#db/audit/projection.ts'
import type { Database } from '#db/connect.ts'
import { every } from '../every.ts'

const standardEveryMs = 500
/** Of a backlog one round does so many, so that a worker that is asked to end does not finish the whole of it. */
const mostOfARound = 20_000

export interface Projection {
  /** Finishes the round under way, then ends. */
  close(): Promise<void>
}

export function startProjection(
  {
    database: { db },
    logger,
    registry,
  }: { readonly database: Pick<Database, 'db'>; readonly logger: Pick<Logger, 'warn'>; readonly registry: Registry },
  everyMs = standardEveryMs,
): Projection {
  const complain = sparingly(error => logger.warn({ err: error }, 'the log could not be projected; it is tried again'))
  new Gauge({
    name: 'mayfly_audit_projection_behind',
    help: 'Entries of the log that are not in its search projection yet',
    registers: [registry],
    async collect() {
      const { position, size } = await readProjection(db)
      this.set(size - position)
    },
  })
  return every(everyMs, () => projectLog(db, mostOfARound).catch(complain))
}
