// npm run bench:issuing: tokens a second of the warm row with and without somebody who seals and projects the log beside it, turn and turn
// about (A B B A) on one broker. Who begins to seal catches up first; what is measured is keeping up. Says too what a logged token takes.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { makeLogKey } from '#core/tlog/log-keys.ts'
import { urlFor } from '#db/prepare.ts'
import { imageEnvironment, startBenchBroker } from './broker/bench-broker.ts'
import { LoadProcess } from './load/load-process.ts'
import { bytesPerEvent, sumOf } from './log-bytes.ts'
import { describeMachine, rssBytesOf } from './machine.ts'
import { median } from './statistics.ts'

const usage = 'Usage: npm run bench:issuing -- [--rounds 6] [--seconds 4] [--json]'
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { rounds: text, seconds: text, json: { type: 'boolean' }, help: { type: 'boolean' } },
})
const [rounds, seconds] = [Number(values.rounds ?? 6), Number(values.seconds ?? 4)]
const isSound = Number.isInteger(rounds) && rounds >= 1 && seconds >= 1
if (values.help || !isSound) {
  console.log(usage)
  process.exit(isSound ? 0 : 1)
}
const tell = (line: string): boolean => process.stderr.write(`${line}\n`)
const catchUpSeconds = 120

/** Resolves when everything there is now is sealed and projected. */
async function caughtUp(sql: Sql): Promise<void> {
  const [head] = await sql<[{ size: number }]>`select size::float8 as size from log.head`
  for (let left = catchUpSeconds * 10; left > 0; left--) {
    const [at] = await sql<[{ sealed: number | null; projected: number }]>`
      select (select max(size)::float8 from log.checkpoint) as sealed, (select position::float8 from log.event_cursor) as projected`
    if ((at.sealed ?? 0) >= head.size && at.projected >= head.size) return
    await pause(100)
  }
  throw new Error(`the log was not sealed and projected within ${catchUpSeconds} s`)
}

const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-issuing-'))
const broker = await startBenchBroker()
const key = makeLogKey()
const sql = postgres(broker.adminUrl, { max: 1, onnotice: () => {} })
const load = new LoadProcess({
  trafficModule: import.meta.resolve('./broker/traffic.ts'),
  trafficOptions: { ...broker.trafficOptions, row: 'warm', accounts: 1_000 },
  rssBytes: () => rssBytesOf(broker.pid),
  stop: () => broker.stop(),
})

async function startSealing(): Promise<ChildProcess> {
  const child = fork(new URL('./seal/child.ts', import.meta.url), {
    env: {
      ...imageEnvironment(),
      DATABASE_URL: urlFor(broker.adminUrl, 'bench', 'mayfly_app', 'bench'),
      MAYFLY_LOG_KEY: key,
      FOLDER: folder,
      PROJECT: '1',
    },
  })
  await once(child, 'message')
  await caughtUp(sql)
  return child
}

/** Between rounds whoever seals is held (SIGSTOP), not ended: in production it runs for weeks, and its start must not count. */
async function measure(sealer: ChildProcess, isSealed: boolean): Promise<number> {
  if (isSealed) {
    sealer.kill('SIGCONT')
    await caughtUp(sql)
  }
  try {
    const { tokensPerSecond } = await load.run({ kind: 'closed', connections: 96, seconds, warmupSeconds: 1, maxRequests: 1e6 })
    return tokensPerSecond
  } finally {
    if (isSealed) sealer.kill('SIGSTOP')
  }
}

async function endSealing(sealer: ChildProcess): Promise<void> {
  sealer.kill('SIGKILL')
  if (sealer.exitCode === null && sealer.signalCode === null) await once(sealer, 'exit')
}

let sealer: ChildProcess | undefined
try {
  sealer = await startSealing()
  const rates: { alone: number[]; sealed: number[] } = { alone: [], sealed: [] }
  await measure(sealer, true)
  await measure(sealer, false)
  for (let round = 0; round < rounds; round++) {
    for (const isSealed of round % 2 === 0 ? [false, true] : [true, false]) {
      rates[isSealed ? 'sealed' : 'alone'].push(await measure(sealer, isSealed))
    }
    tell(
      `round ${round + 1}: ${Math.round(rates.alone.at(-1)!)} tokens/s alone, ${Math.round(rates.sealed.at(-1)!)} with the sealer`,
    )
  }
  const [head] = await sql<[{ size: number }]>`select size::float8 as size from log.head`
  const figures = {
    alone_tokens_per_s: Math.round(median(rates.alone)),
    sealed_tokens_per_s: Math.round(median(rates.sealed)),
    ratio: Number(median(rates.sealed.map((rate, round) => rate / rates.alone[round]!)).toFixed(3)),
    // Nearly all of them are tokens.
    postgresql_per_event_bytes: sumOf(await bytesPerEvent(sql, head.size)),
  }
  if (values.json) console.log(JSON.stringify({ name: 'issuing', machine: describeMachine(), figures }))
  else for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(24)} ${value}`)
} finally {
  if (sealer) await endSealing(sealer)
  load.stop()
  await sql.end({ timeout: 2 })
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
}
