// npm run bench:reaper: how fast a worker collects accounts whose time is up, how late it is when a thousand deadlines pass each
// second, and what it makes of a Redis that loses everything meanwhile. The worker is a process of its own, as in production, on a
// PostgreSQL of its own with durable settings on the machine's disk.

import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeMachine } from './machine.ts'
import { type ReaperRig, startReaperRig } from './reaper/rig.ts'

const usage = 'Usage: npm run bench:reaper -- [--due 100000] [--rate 1000] [--seconds 20] [--backend redis|postgresql] [--json]'
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { due: text, rate: text, seconds: text, backend: text, json: { type: 'boolean' }, help: { type: 'boolean' } },
})
const due = Number(values.due ?? 100_000)
const rate = Number(values.rate ?? 1_000)
const seconds = Number(values.seconds ?? 20)
const backend = values.backend ?? 'redis'
const sound = [due, rate, seconds].every(value => value >= 1 && value <= 5_000_000) && ['redis', 'postgresql'].includes(backend)
if (values.help || !sound) {
  console.log(usage)
  process.exit(sound ? 0 : 1)
}
const tell = (line: string): boolean => process.stderr.write(`${line}\n`)

/** A backlog, as after a night without a worker. */
async function measureBacklog(rig: ReaperRig) {
  await rig.addDueAccounts(due)
  const began = performance.now()
  await using worker = await rig.startWorker()
  let expiredMs = 0
  for (;;) {
    const { active, accounts, outbox } = await rig.countLeft()
    if (active === 0 && expiredMs === 0) expiredMs = performance.now() - began
    if (accounts === 0 && outbox === 0) break
    await delay(100)
  }
  const allMs = performance.now() - began
  return {
    backlog_expired_per_s: Math.round((due / expiredMs) * 1_000),
    backlog_collected_per_s: Math.round((due / allMs) * 1_000),
    worker_peak_rss_bytes: worker.peakRssBytes(),
  }
}

/** So many deadlines a second; `meanwhile` happens in the middle. */
async function measureLateness(rig: ReaperRig, meanwhile?: () => Promise<unknown>) {
  await using _ = await rig.startWorker()
  const count = rate * seconds
  await rig.addAccountsThatEnd(count, rate)
  if (meanwhile) setTimeout(meanwhile, (seconds / 2) * 1_000)
  while ((await rig.countLeft()).accounts > 0) await delay(250)
  return rig.readLateness(count)
}

const rig = await startReaperRig(backend as 'redis' | 'postgresql')
try {
  tell(`A worker begins with ${due} accounts whose time is up.`)
  const backlog = await measureBacklog(rig)
  tell(`${rate} deadlines a second for ${seconds} s, announced over ${backend}.`)
  const late = await measureLateness(rig)
  const figures: Record<string, number> = {
    ...backlog,
    lateness_p50_ms: late.p50,
    lateness_p99_ms: late.p99,
    lateness_max_ms: late.max,
  }
  if (rig.loseRedis) {
    tell('The same again; Redis loses everything half-way.')
    const lost = await measureLateness(rig, rig.loseRedis)
    figures['redis_lost_lateness_p99_ms'] = lost.p99
    figures['redis_lost_lateness_max_ms'] = lost.max
  }
  if (values.json) console.log(JSON.stringify({ name: 'bench:reaper', machine: describeMachine(), figures }))
  else for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(32)} ${value}`)
} finally {
  await rig.close()
}
