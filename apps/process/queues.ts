// One factory for queues on either backend, for broker and worker. A job is only a hint that there is work: the work itself is
// found in rows, so nothing is lost when the backend loses everything.

import { createPostgresBackend, type PostgresPoolConfig, type Processor, Queue, Worker, type WorkerOptions } from 'bullmq'
import { queueSchema } from '#db/migrate-queue.ts'
import { type Environment, findSecret } from './read-secret.ts'

/** Where queues are. Neither: there are none. */
export interface QueueSettings {
  /** BullMQ on Redis when set, else on PostgreSQL. */
  readonly redisUrl?: string | undefined
  /** Login of mayfly_queue. */
  readonly queueDatabaseUrl?: string | undefined
}

/** Reads `REDIS_URL` and `QUEUE_DATABASE_URL`. */
export function readQueueSettings(env: Environment, problems: string[]): QueueSettings {
  return { redisUrl: findSecret(env, 'REDIS_URL', problems), queueDatabaseUrl: findSecret(env, 'QUEUE_DATABASE_URL', problems) }
}

/** How long a worker may give no sign of life before its job is given to another one, and how often that is looked for. */
export type Patience = Pick<WorkerOptions, 'lockDuration' | 'stalledInterval'>

export interface Queues {
  readonly backend: 'redis' | 'postgresql'
  queue(name: string): Queue
  worker(name: string, processor: Processor, patience?: Patience): Worker
  /** A queue for who only adds, and has better things to do than to wait: what cannot be added soon is refused. */
  producer(name: string): Queue
}

/** Where the broker announces deadlines to the worker. */
export const deadlineQueue = 'deadlines'
/** Where workers tell each other that a stream of security events may have something to send. */
export const securityEventQueue = 'security-events'

const prefix = 'mayfly'
/** Finished jobs are of no interest: the audit log says what was done. */
const defaultJobOptions = { removeOnComplete: true, removeOnFail: { count: 100 } }
const impatient = { maxRetriesPerRequest: 0, enableOfflineQueue: false, connectTimeout: 2_000, commandTimeout: 2_000 }

export function createQueues({ redisUrl, queueDatabaseUrl }: QueueSettings): Queues {
  if (redisUrl) {
    const connection = { url: redisUrl, maxRetriesPerRequest: null }
    return {
      backend: 'redis',
      queue: name => new Queue(name, { connection, prefix, defaultJobOptions }),
      worker: (name, processor, patience) => new Worker(name, processor, { connection, prefix, ...patience }),
      producer: name => new Queue(name, { connection: { url: redisUrl, ...impatient }, prefix, defaultJobOptions }),
    }
  }
  // The schema was migrated in the migration step, by the role that owns it; here it is only used.
  const connection = { connectionString: queueDatabaseUrl!, schema: queueSchema, max: 4 }
  const open = (name: string, to: PostgresPoolConfig): Queue =>
    new Queue(name, { connection: to, prefix, defaultJobOptions }, createPostgresBackend) as unknown as Queue
  return {
    backend: 'postgresql',
    queue: name => open(name, connection),
    worker: (name, processor, patience) =>
      new Worker(name, processor, { connection, prefix, ...patience }, createPostgresBackend) as unknown as Worker,
    producer: name => open(name, { ...connection, max: 1, connectionTimeoutMillis: 2_000 }),
  }
}
