// npm run bench:log: what an event costs after it is in the log, in microseconds of processor time: sealing (the worker's own and
// PostgreSQL's part) and the search projection. Events come in the batches of a broker; after each second's worth they are sealed and projected
// as the worker does it. On Linux.

import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sql as query } from 'kysely'
import postgres, { type Sql } from 'postgres'
import { Registry } from 'prom-client'
import { createLogger } from '#apps/process/logger.ts'
import { startSealer } from '#apps/worker/sealer/sealer.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { makeLogKey } from '#core/tlog/log-keys.ts'
import { projectLog } from '#db/audit/projection.ts'
import { type Database, openDatabase } from '#db/connect.ts'
import { appendBatch } from '#db/log/append.ts'
import { createSealerLock } from '#db/log/sealer-lock.ts'
import { prepareDatabase } from '#db/prepare.ts'
import { startRunCluster } from '#test/setup/run-cluster.ts'
import { bytesPerEvent, sumOf } from './log-bytes.ts'
import { describeMachine } from './machine.ts'
import { benchTenant, makeEvent } from './seal/events.ts'
import { childrenMs, processorMs } from './seal/processor-time.ts'

const usage = 'Usage: npm run bench:log -- [--events 200000] [--rate 5000] [--json]'
const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const { values } = parseArgs({ options: { events: text, rate: text, json: flag, help: flag } })
const [events, rate] = [Number(values.events ?? 200_000), Number(values.rate ?? 5_000)]
const sound = rate >= 10 && rate <= 100_000 && events >= rate && events <= 10_000_000
if (values.help || !sound) {
  console.log(usage)
  process.exit(sound ? 0 : 1)
}
const batchMost = 512

async function append(sql: Sql, from: number, count: number): Promise<void> {
  for (let done = 0; done < count; done += batchMost) {
    const nowMs = Date.now()
    const some = Array.from({ length: Math.min(batchMost, count - done) }, (_, at) =>
      eventOnly(benchTenant, makeEvent(from + done + at, nowMs)),
    )
    await appendBatch(sql, some)
  }
}

/** Each has a pool of one connection, and so a process of PostgreSQL of its own. */
function openOne(url: string): Database {
  return openDatabase(url, { poolSize: 1 })
}

const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-log-'))
const cluster = await startRunCluster({ onDisk: true })
try {
  const urls = await prepareDatabase(cluster.adminUrl, 'bench', { app: 'bench', queue: 'bench', migrate: 'bench' })
  const adminUrl = new URL(cluster.adminUrl)
  adminUrl.pathname = '/bench'
  const admin = postgres(adminUrl.href, { max: 1, onnotice: () => {} })
  const [appending, sealing, projecting] = [openOne(urls.app), openOne(urls.app), openOne(urls.app)]
  const pidOf = async (sql: Sql): Promise<number> => (await sql<[{ pid: number }]>`select pg_backend_pid() as pid`)[0].pid
  const appendPid = await pidOf(appending.sql)
  const sealPid = await pidOf(sealing.sql)
  const [{ dir }] = await admin<[{ dir: string }]>`select setting as dir from pg_settings where name = 'data_directory'`
  const postmaster = Number(readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')[0])
  const own = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000
  const sealer = startSealer({
    settings: {
      keys: [createPrivateKey(makeLogKey())],
      stateDir: join(folder, 'state'),
      host: 'bench.example',
      tiles: { folder: join(folder, 'tiles') },
    },
    database: sealing,
    lock: createSealerLock(urls.app),
    logger: createLogger('worker', 'warn'),
    registry: new Registry(),
    everyMs: 0,
  })
  const projectPid = (await query<{ pid: number }>`select pg_backend_pid() as pid`.execute(projecting.db)).rows[0]!.pid
  const used = { append: 0, sealWorker: 0, seal: 0, projectWorker: 0, project: 0 }
  const childrenBefore = childrenMs(postmaster)
  for (let done = 0; done < events; done += rate) {
    const marks: number[] = [processorMs(appendPid)]
    await append(appending.sql, done, Math.min(rate, events - done))
    used.append += processorMs(appendPid) - marks[0]!
    const before = [own(), processorMs(sealPid)] as const
    await sealer.round()
    used.sealWorker += own() - before[0]
    used.seal += processorMs(sealPid) - before[1]
    const then = [own(), processorMs(projectPid)] as const
    await projectLog(projecting.db)
    used.projectWorker += own() - then[0]
    used.project += processorMs(projectPid) - then[1]
  }
  const everything = childrenMs(postmaster) - childrenBefore
  const each = (ms: number): number => Number(((ms * 1_000) / events).toFixed(1))
  await admin`vacuum analyze`
  const tables = await bytesPerEvent(admin, events)
  const figures = {
    events,
    append_postgresql_us: each(used.append),
    seal_worker_us: each(used.sealWorker),
    seal_postgresql_us: each(used.seal),
    project_worker_us: each(used.projectWorker),
    project_postgresql_us: each(used.project),
    // Writers of WAL and of pages, for all of it.
    background_postgresql_us: each(everything - used.append - used.seal - used.project),
    postgresql_per_event_bytes: sumOf(tables),
  }
  for (const [name, bytes] of Object.entries(tables)) process.stderr.write(`${bytes.toFixed(1).padStart(8)} B  ${name}\n`)
  for (const [name, value] of Object.entries(figures)) process.stderr.write(`${name.padEnd(28)} ${value}\n`)
  if (values.json) console.log(JSON.stringify({ name: 'log', machine: describeMachine(), figures }))
  await sealer.close()
  await Promise.all([appending.close(), sealing.close(), projecting.close(), admin.end({ timeout: 2 })])
} finally {
  await cluster.stop()
  rmSync(folder, { recursive: true, force: true })
}
