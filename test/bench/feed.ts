// npm run bench:feed: what open streams of the revocation feed cost a broker process, and how long a revocation takes to the last of
// them. The broker is a process of its own, as in production, with TLS, on a PostgreSQL of its own.

import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { matchOf } from '#core/revocation/entry.ts'
import { openDatabase } from '#db/connect.ts'
import { revokeTokens } from '#test/setup/revocations.ts'
import { type BenchBroker, startBenchBroker } from './broker/bench-broker.ts'
import { ManyReaders } from './feed/many-readers.ts'
import { describeMachine, rssBytesOf } from './machine.ts'
import { median, percentiles } from './statistics.ts'

const usage = 'Usage: npm run bench:feed -- [--streams 2000] [--revocations 100] [--seconds 10] [--json]'
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { streams: text, revocations: text, seconds: text, json: { type: 'boolean' }, help: { type: 'boolean' } },
})
const streams = Number(values.streams ?? 2_000)
const revocations = Number(values.revocations ?? 100)
const seconds = Number(values.seconds ?? 10)
const sound = [streams, revocations, seconds].every(value => Number.isInteger(value) && value >= 1 && value <= 2_000)
if (values.help || !sound) {
  console.log(usage)
  process.exit(sound ? 0 : 1)
}
const tell = (line: string): boolean => process.stderr.write(`${line}\n`)

/** Resident memory over a while: the median, since what is collected comes and goes. */
async function residentBytes(pid: number, overSeconds: number): Promise<number> {
  const samples: number[] = []
  for (let sample = 0; sample < overSeconds * 4; sample++) {
    await delay(250)
    samples.push(await rssBytesOf(pid))
  }
  return median(samples)
}

/** Processor time that a process has used, in seconds; Linux only, else 0. */
async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields ? (Number(fields[11]) + Number(fields[12])) / 100 : 0
}

async function headOf(broker: BenchBroker): Promise<{ shard: string; epoch: number }> {
  const { body } = await broker.registrar.http.v1('GET', '/v1/feed/snapshot', broker.tenant.resourceSecret)
  return body
}

async function openReaders(broker: BenchBroker, count: number): Promise<ManyReaders> {
  const { shard, epoch } = await headOf(broker)
  const readers = new ManyReaders({
    port: Number(new URL(broker.tenant.issuer).port),
    caPem: broker.tenant.ca.certificatePem,
    secret: broker.tenant.resourceSecret,
    since: `${shard}.${epoch}`,
  })
  await readers.open(count)
  return readers
}

/** From the call that revokes, before its transaction begins, to the last reader. */
async function measureRevocations(broker: BenchBroker, readers: ManyReaders): Promise<number[]> {
  const database = openDatabase(broker.adminUrl, { poolSize: 1 })
  const [row] = await database.sql<[{ id: string }]>`select id from mayfly.tenant where is_first`
  const took: number[] = []
  for (let round = 0; round < revocations; round++) {
    await delay(20 + Math.random() * 80)
    const began = performance.now()
    const hearing = Promise.withResolvers<number>()
    const [token] = await revokeTokens(database, row.id, 1, undefined, id => {
      readers.heardByAll(matchOf(id).toString('base64url')).then(hearing.resolve)
    })
    if (token) took.push((await hearing.promise) - began)
  }
  await database.close()
  return took
}

const broker = await startBenchBroker()
try {
  tell('Warming up with streams that come and go.')
  const warming = await openReaders(broker, Math.min(200, streams))
  warming.close()
  await delay(2_000)
  const idleBytes = await residentBytes(broker.pid, 4)
  tell(`Opening ${streams} streams.`)
  const readers = await openReaders(broker, streams)
  const openBytes = await residentBytes(broker.pid, seconds)
  const [cpuBefore, heardBefore, from] = [await cpuSecondsOf(broker.pid), readers.heartbeats, performance.now()]
  await delay(seconds * 1_000)
  const elapsed = (performance.now() - from) / 1_000
  const cpu = ((await cpuSecondsOf(broker.pid)) - cpuBefore) / elapsed
  const heard = (readers.heartbeats - heardBefore) / elapsed / streams
  tell(`${revocations} revocations.`)
  const took = await measureRevocations(broker, readers)
  const stillOpen = readers.count
  readers.close()
  const figures = {
    streams: stillOpen,
    idle_rss_bytes: idleBytes,
    open_rss_bytes: openBytes,
    per_stream_bytes: Math.round((openBytes - idleBytes) / streams),
    heartbeats_per_stream_per_s: Number(heard.toFixed(2)),
    broker_cpu_ratio: Number(cpu.toFixed(3)),
    revoke_to_last_p50_ms: Number(median(took).toFixed(1)),
    revoke_to_last_p99_ms: Number(percentiles(took).p99.toFixed(1)),
  }
  if (values.json) console.log(JSON.stringify({ name: 'bench:feed', machine: describeMachine(), figures }))
  else for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(32)} ${value}`)
} finally {
  await broker.stop()
}
