// From a tenant's feed to a job for each stream that it is pushed to. Every worker hears of it and adds the same job, which has the
// stream's name, so there is one; whoever takes it looks what is due. Nothing depends on it: a lost hint costs a second.

import type { Logger } from 'pino'
import { type Queues, securityEventQueue } from '#apps/process/queues.ts'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import type { Database } from '#db/connect.ts'
import { listenForSsf, type SsfListener } from '#db/ssf/listen.ts'
import { readPushStreams } from '#db/ssf/progress.ts'

/** So much is gathered, since a feed that is busy moves hundreds of times a second. */
const gatherMs = 10
const listenAgainMs = 5_000
const goodbyeMs = 2_000

export interface Hints {
  close(): Promise<void>
}

export interface HintOptions {
  readonly database: Pick<Database, 'sql'>
  readonly queues: Queues
  readonly logger: Logger
  /** Does what is due. */
  readonly tick: () => Promise<void>
}

export function startHints({ database: { sql }, queues, logger, tick }: HintOptions): Hints {
  const complain = sparingly<unknown>(err =>
    logger.warn({ err }, 'hints of security events fail; they are sent within a second all the same'),
  )
  const queue = queues.producer(securityEventQueue)
  const worker = queues.worker(securityEventQueue, () => tick())
  queue.on('error', complain)
  worker.on('error', complain)
  worker.on('failed', (_, error) => complain(error))
  const moved = new Set<string>()
  let gathering: NodeJS.Timeout | undefined
  const tell = async (): Promise<void> => {
    gathering = undefined
    const tenants = [...moved]
    moved.clear()
    const streams = await readPushStreams(sql, tenants)
    await Promise.all(streams.map(stream => queue.add('push', { stream }, { jobId: stream, removeOnFail: true })))
  }
  const heard = (tenantId: string): void => {
    moved.add(tenantId)
    gathering ??= setTimeout(() => void tell().catch(complain), gatherMs)
  }
  let listener: SsfListener | undefined
  let isClosed = false
  let retry: NodeJS.Timeout | undefined
  const listen = (): void => {
    listenForSsf(sql, heard).then(
      found => {
        listener = found
        if (isClosed) void found.close().catch(() => {})
      },
      error => {
        complain(error)
        if (!isClosed) retry = setTimeout(listen, listenAgainMs)
      },
    )
  }
  listen()
  return {
    async close() {
      isClosed = true
      clearTimeout(gathering)
      clearTimeout(retry)
      // A backend that is gone answers no goodbye; nothing of ours depends on it.
      await within(goodbyeMs, Promise.allSettled([listener?.close(), worker.close(), queue.close()]))
    },
  }
}
