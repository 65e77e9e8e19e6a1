// Fault F5, first half: PostgreSQL is there and does not answer.

import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkLog, soundLog } from './rig/check-log.ts'
import { judgeAnswers } from './rig/judge-answers.ts'
import { type Load, startLoad } from './rig/load.ts'
import { OwnPostgres } from './rig/own-postgres.ts'
import { report } from './rig/report.ts'
import { type Rig, startRig } from './rig/rig.ts'

const holdMs = 5_000
/** A second, and what a busy machine adds to it. */
const answerWithinMs = 1_500
const memoryBytes = 96 * 1024 * 1024

let postgres: OwnPostgres
let rig: Rig
let load: Load
beforeAll(async () => {
  postgres = await OwnPostgres.start()
  rig = await startRig(postgres.appUrl)
  load = startLoad(rig, { callers: 48, openEvery: 3 })
  await load.nextToken()
}, 60_000)
afterAll(async () => {
  await load?.stop()
  await rig?.close()
  await postgres?.close()
})

/** Makes it hang, lets callers knock, gives it free. statuses: what they may see of calls made meanwhile, 503 among them. */
async function whileHung(fault: string, statuses: readonly string[], hang: () => Promise<() => Promise<void>>) {
  const beforeBytes = rig.broker.residentBytes()
  const release = await hang()
  const fromMs = performance.now()
  try {
    await delay(holdMs)
  } finally {
    await release()
  }
  // The last second's calls may have been answered by a log that was free again.
  const untilMs = fromMs + holdMs - 1_000
  const recoveryMs = await load.nextToken()
  await expect.poll(() => load.answers.some(answer => answer.startedMs > untilMs + 1_500)).toBe(true)
  const during = judgeAnswers(load.answers.filter(answer => answer.startedMs > fromMs && answer.startedMs < untilMs))
  const grownBytes = rig.broker.residentBytes() - beforeBytes
  report(fault, { ...during, recoveryMs, grownBytes })
  expect(during.statuses['503']).toBeGreaterThan(0)
  expect(Object.keys(during.statuses).filter(status => !statuses.includes(status))).toEqual([])
  expect(during).toMatchObject({ withoutRetryAfter: 0 })
  expect(during.slowestMs).toBeLessThan(answerWithinMs)
  expect(recoveryMs).toBeLessThan(5_000)
  expect(grownBytes).toBeLessThan(memoryBytes)
}

describe.runIf(process.platform === 'linux')(
  'F5: every call is answered 503 within a second, and service returns by itself',
  () => {
    test('when someone holds the head of the log', async () => {
      await whileHung('F5 head locked', ['503'], async () => {
        const admin = postgres.admin()
        const { promise: released, resolve: release } = Promise.withResolvers<void>()
        const { promise: locked, resolve } = Promise.withResolvers<void>()
        const holding = admin.begin(async trx => {
          await trx`select from log.head for update`
          resolve()
          await released
        })
        await locked
        return async () => {
          release()
          await holding
          await admin.end({ timeout: 2 })
        }
      })
    }, 30_000)

    // The broker gives the session up and goes on with another one, unless the stopped one holds the head.
    test("when the log's session stands still", async () => {
      await whileHung('F5 session stopped', ['200', '503'], async () => {
        const admin = postgres.admin()
        const rows = await admin<{ pid: number }[]>`select pid from pg_stat_activity where application_name = 'mayfly-log'`
        await admin.end({ timeout: 2 })
        expect(rows.length).toBeGreaterThan(0)
        return postgres.freeze(rows.map(row => row.pid))
      })
    }, 30_000)

    test('when all of PostgreSQL stands still, so that nothing can be read either', async () => {
      await whileHung('F5 PostgreSQL stopped', ['503'], async () => postgres.freeze())
    }, 30_000)

    test('and what was answered 200 is in the log', async () => {
      await load.stop()
      const admin = postgres.admin()
      const verdict = await checkLog(admin, load.tokens)
      await admin.end({ timeout: 2 })
      expect(verdict).toMatchObject(soundLog)
      expect(Object.fromEntries(load.broken)).toEqual({})
      expect(rig.broker.hasEnded).toBe(false)
    })
  },
)
