// npm run bench:seal: events appended at a steady rate as a broker does it, while a worker seals and projects them. Says how long events
// wait for a checkpoint that is published and signed, and what an event takes in PostgreSQL and in tiles.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { checkpointPath } from '#core/tlog/checkpoint.ts'
import { makeLogKey } from '#core/tlog/log-keys.ts'
import { openDatabase } from '#db/connect.ts'
import { type AppendRequest, appendBatch } from '#db/log/append.ts'
import { readLogHead } from '#db/log/seal.ts'
import { prepareDatabase } from '#db/prepare.ts'
import { startRunCluster } from '#test/setup/run-cluster.ts'
import { bytesPerEvent, sumOf } from './log-bytes.ts'
import { describeMachine } from './machine.ts'
import { benchTenant, makeEvent } from './seal/events.ts'
import { percentiles } from './statistics.ts'

const usage = 'Usage: npm run bench:seal -- [--rate 5000] [--seconds 60] [--without-projection] [--without-sealer] [--json]'
const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const { values } = parseArgs({
  options: { rate: text, seconds: text, 'without-projection': flag, 'without-sealer': flag, json: flag, help: flag },
})
const [rate, seconds] = [Number(values.rate ?? 5_000), Number(values.seconds ?? 60)]
const sound = rate >= 10 && rate <= 100_000 && seconds >= 2 && seconds <= 3_600
if (values.help || !sound) {
  console.log(usage)
  process.exit(sound ? 0 : 1)
}
const seals = !values['without-sealer']
const tell = (line: string): boolean => process.stderr.write(`${line}\n`)
const batchMost = 512
const drainSeconds = 30

const request = (events: AppendRequest['events']): AppendRequest => ({
  tenantId: benchTenant,
  configEpoch: null,
  account: null,
  untilSeconds: 0,
  events,
  opening: null,
  pin: null,
  subjectKey: null,
})

interface Batch {
  /** Positions below it are in. */
  readonly end: number
  readonly events: number
  readonly mark: number
}

/** As many as are due by the clock, a batch at a time; what could not be kept up with is counted by who compares. */
async function append(sql: Sql, batches: Batch[]): Promise<number> {
  const started = performance.now()
  let done = 0
  for (;;) {
    const elapsed = performance.now() - started
    if (elapsed >= seconds * 1_000) return done / (elapsed / 1_000)
    const due = Math.min(batchMost, Math.floor((elapsed / 1_000) * rate) - done)
    if (due < Math.min(batchMost, rate / 100)) {
      await pause(2)
      continue
    }
    const nowMs = Date.now()
    const requests = Array.from({ length: due }, (_, at) => request([makeEvent(done + at, nowMs)]))
    const { firstPosition } = await appendBatch(sql, requests)
    done += due
    batches.push({ end: Number(firstPosition) + due, events: due, mark: performance.now() })
  }
}

/** Looks at the published checkpoint; each batch's wait goes into `waits`, once for each hundred of its events. */
async function watch(place: string, batches: Batch[], waits: number[], isOver: () => boolean): Promise<void> {
  for (let next = 0; !isOver() || next < batches.length; await pause(20)) {
    const note = await readFile(place, 'utf8').catch(() => '\n0\n')
    const size = Number(note.split('\n')[1])
    for (; next < batches.length && batches[next]!.end <= size; next++) waits.push(performance.now() - batches[next]!.mark)
    if (isOver() && performance.now() - (batches.at(-1)?.mark ?? 0) > drainSeconds * 1_000)
      throw new Error(`${batches.length - next} batches were never sealed`)
  }
}

function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

async function startChild(url: string, folder: string): Promise<ChildProcess> {
  const { PATH } = process.env
  const project = values['without-projection'] ? {} : { PROJECT: '1' }
  const child = fork(new URL('./seal/child.ts', import.meta.url), {
    env: { PATH, DATABASE_URL: url, MAYFLY_LOG_KEY: makeLogKey(), FOLDER: folder, ...project },
  })
  await once(child, 'message')
  return child
}

const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-seal-'))
const cluster = await startRunCluster({ onDisk: true })
let child: ChildProcess | undefined
try {
  const urls = await prepareDatabase(cluster.adminUrl, 'bench', { app: 'bench', queue: 'bench', migrate: 'bench' })
  const adminUrl = new URL(cluster.adminUrl)
  adminUrl.pathname = '/bench'
  const admin = postgres(adminUrl.href, { max: 1, onnotice: () => {} })
  const database = openDatabase(urls.app, { poolSize: 2 })
  const { shard } = await readLogHead(database.sql)
  if (seals) child = await startChild(urls.app, folder)
  tell(`Appending ${rate} events a second for ${seconds} s${seals ? ', sealed by a process of its own' : ', not sealed'}.`)
  const batches: Batch[] = []
  const waits: number[] = []
  let isOver = false
  const watching = seals ? watch(join(folder, 'tiles', shard, checkpointPath), batches, waits, () => isOver) : Promise.resolve()
  const reached = await append(database.sql, batches).finally(() => {
    isOver = true
  })
  await watching
  const events = batches.reduce((sum, batch) => sum + batch.events, 0)
  const figures: Record<string, number> = { offered_events_per_s: rate, events_per_s: Math.round(reached), events }
  if (child) {
    child.send('usage')
    const [{ cpuMs, rss }] = (await once(child, 'message')) as [{ cpuMs: number; rss: number }]
    const lag = percentiles(waits)
    Object.assign(figures, {
      lag_p50_ms: Math.round(lag.p50),
      lag_p99_ms: Math.round(lag.p99),
      lag_max_ms: Math.round(lag.max),
      worker_cpu_ratio: Number((cpuMs / 1_000 / seconds).toFixed(3)),
      worker_rss_bytes: rss,
      tiles_per_event_bytes: Number((folderBytes(join(folder, 'tiles')) / events).toFixed(1)),
    })
  }
  await admin`vacuum analyze`
  const tables = await bytesPerEvent(admin, events)
  figures['postgresql_per_event_bytes'] = sumOf(tables)
  for (const [name, bytes] of Object.entries(tables)) tell(`${bytes.toFixed(1).padStart(8)} B  ${name}`)
  for (const [name, value] of Object.entries(figures)) tell(`${name.padEnd(28)} ${value}`)
  if (values.json) console.log(JSON.stringify({ name: 'seal', machine: describeMachine(), figures }))
  await Promise.all([database.close(), admin.end({ timeout: 2 })])
} finally {
  child?.kill()
  await cluster.stop()
  rmSync(folder, { recursive: true, force: true })
}
