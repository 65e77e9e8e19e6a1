// A database, a Redis if wanted, and workers to be started on them.

import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { announceDeadlines } from '#apps/broker/announce-deadlines.ts'
import { createLogger } from '#apps/process/logger.ts'
import { prepareDatabase } from '#db/prepare.ts'
import { startRedis } from '#test/setup/redis.ts'
import { startRunCluster } from '#test/setup/run-cluster.ts'
import { type Percentiles, percentiles } from '../statistics.ts'

export interface BenchWorker extends AsyncDisposable {
  peakRssBytes(): number
}

export interface ReaperRig {
  addDueAccounts(count: number): Promise<void>
  /** Accounts whose deadlines lie evenly from two seconds ahead on, so many a second, announced as the broker does. */
  addAccountsThatEnd(count: number, perSecond: number): Promise<void>
  countLeft(): Promise<{ active: number; accounts: number; outbox: number }>
  /** From deadline to the commit of the expiry, of the last so many accounts, in milliseconds. */
  readLateness(count: number): Promise<Percentiles>
  startWorker(): Promise<BenchWorker>
  loseRedis?: (() => Promise<unknown>) | undefined
  close(): Promise<void>
}

const main = fileURLToPath(new URL('../../../apps/worker/main.ts', import.meta.url))

export async function startReaperRig(backend: 'redis' | 'postgresql'): Promise<ReaperRig> {
  await using starting = new AsyncDisposableStack()
  const cluster = await startRunCluster({ onDisk: true })
  starting.defer(() => cluster.stop())
  const urls = await prepareDatabase(cluster.adminUrl, 'bench', { app: 'bench', queue: 'bench', migrate: 'bench' })
  const redis = backend === 'redis' ? await startRedis() : undefined
  starting.defer(async () => redis?.stop())
  const adminUrl = new URL(cluster.adminUrl)
  adminUrl.pathname = '/bench'
  const admin = postgres(adminUrl.href, { max: 2, onnotice: () => {} })
  starting.defer(() => admin.end())
  const queues = { redisUrl: redis?.url, queueDatabaseUrl: urls.queue }
  const announcer = announceDeadlines(queues, { nowMs: () => Date.now() }, createLogger('bench', 'warn'))
  starting.defer(() => announcer.close())
  const env = {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: urls.app,
    QUEUE_DATABASE_URL: urls.queue,
    ...(redis && { REDIS_URL: redis.url }),
    MAYFLY_KEK: randomBytes(32).toString('base64url'),
    MAYFLY_LOG_LEVEL: 'warn',
  }
  const [tenantId, agentId] = [randomUUID(), randomUUID()]

  /** deadline: SQL for the i-th account's. */
  const add = async (count: number, deadline: string): Promise<void> => {
    await admin.unsafe(
      `insert into mayfly.account (id, tenant_id, agent_id, task_key, opened_at, deadline, ceiling_id, opener, claim_hash, task_id)
         select gen_random_uuid(), $1, $2, gen_random_uuid(), now() - interval '1 hour', ${deadline}, 1, sha256(i::text::bytea),
                sha256(i::text::bytea), 'run_' || md5(i::text) from generate_series(1, $3::int) i`,
      [tenantId, agentId, count],
    )
    for (const scope of [tenantId, agentId])
      await admin`
        insert into mayfly.live_count (scope, tenant_id, live) values (${scope}, ${tenantId}, ${count})
        on conflict (scope) do update set live = mayfly.live_count.live + excluded.live`
    await admin`vacuum analyze mayfly.account`
  }
  const stack = starting.move()
  return {
    addDueAccounts: count => add(count, `now() - interval '1 minute' - i * interval '1 ms'`),
    async addAccountsThatEnd(count, perSecond) {
      await admin`create table if not exists public.deadline (id uuid primary key, at timestamptz)`
      await add(count, `clock_timestamp() + interval '2 s' + i * interval '1 s' / ${perSecond}`)
      await admin`truncate public.deadline`
      await admin`insert into public.deadline select id, deadline from mayfly.account`
      const rows = await admin<
        { second: number }[]
      >`select distinct ceil(extract(epoch from at))::float8 as second from public.deadline`
      for (const { second } of rows) announcer.note(second)
    },
    async countLeft() {
      const [row] = await admin<[{ active: number; accounts: number; outbox: number }]>`
        select (select count(*)::int from mayfly.account where state = 'a') as active,
               (select count(*)::int from mayfly.account) as accounts, (select count(*)::int from mayfly.outbox) as outbox`
      return row
    },
    async readLateness(count) {
      const rows = await admin<{ late: number }[]>`
        select extract(epoch from b.at - d.at)::float8 * 1000 as late
          from (select position, leaf::jsonb from log.entry order by position desc limit ${count * 2}) e
          join public.deadline d on d.id = (e.leaf->>'account')::uuid and e.leaf->>'type' = 'account.expired'
          join log.body b on b.position = e.position`
      if (rows.length !== count) throw new Error(`${rows.length} of ${count} accounts have an expiry in the log`)
      const { p50, p95, p99, max } = percentiles(rows.map(({ late }) => Math.round(late)))
      return { p50, p95, p99, max }
    },
    startWorker: () => startWorker(env),
    loseRedis: redis && (() => flush(redis.url)),
    close: () => stack.disposeAsync(),
  }
}

async function startWorker(env: Record<string, string>): Promise<BenchWorker> {
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'inherit', 'inherit'] })
  await once(child, 'spawn')
  let peak = 0
  const look = (): void => {
    try {
      const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
      if (found) peak = Math.max(peak, Number(found[1]) * 1_024)
    } catch {
      // Not Linux, or it has just ended.
    }
  }
  const timer = setInterval(look, 200)
  return {
    peakRssBytes() {
      look()
      return peak
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function flush(url: string): Promise<void> {
  const { Redis } = await import('ioredis')
  const client = new Redis(url)
  await client.flushall()
  client.disconnect()
}
