// One factory for queues on either backend. A job is only a hint that there is work: the work itself is found in rows, so
// nothing is lost when the backend loses everything.

import { createPostgresBackend, type Processor, Queue, Worker } from 'bullmq'
import { queueSchema } from '#db/migrate-queue.ts'
import type { WorkerConfig } from './config.ts'

export interface Queues {
  readonly backend: 'redis' | 'postgresql'
  queue(name: string): Queue
  worker(name: string, processor: Processor): Worker
}

const prefix = 'mayfly'
/** Finished jobs are of no interest: the audit log says what was done. */
const defaultJobOptions = { removeOnComplete: true, removeOnFail: { count: 100 } }

export function createQueues({ redisUrl, queueDatabaseUrl }: Pick<WorkerConfig, 'redisUrl' | 'queueDatabaseUrl'>): Queues {
  if (redisUrl) {
    const connection = { url: redisUrl, maxRetriesPerRequest: null }
    return {
      backend: 'redis',
      queue: name => new Queue(name, { connection, prefix, defaultJobOptions }),
      worker: (name, processor) => new Worker(name, processor, { connection, prefix }),
    }
  }
  // The schema was migrated in the migration step, by the role that owns it; here it is only used.
  const connection = { connectionString: queueDatabaseUrl!, schema: queueSchema, max: 4 }
  return {
    backend: 'postgresql',
    queue: name => new Queue(name, { connection, prefix, defaultJobOptions }, createPostgresBackend) as unknown as Queue,
    worker: (name, processor) => new Worker(name, processor, { connection, prefix }, createPostgresBackend) as unknown as Worker,
  }
}
