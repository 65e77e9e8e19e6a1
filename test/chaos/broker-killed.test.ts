// Fault F1: the broker is killed at every moment at which something is half done.

import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FailpointName, failpointNames } from '#core/audit/failpoint.ts'
import { formatId } from '#core/ids/id.ts'
import { hashSecret } from '#core/ids/secret.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { checkLog, payloadOf, soundLog } from './rig/check-log.ts'
import { judgeAnswers } from './rig/judge-answers.ts'
import { type Load, startLoad } from './rig/load.ts'
import { report } from './rig/report.ts'
import { type Rig, startRig } from './rig/rig.ts'

let database: TestDatabase
let rig: Rig
let load: Load
beforeAll(async () => {
  database = await createTestDatabase()
  rig = await startRig(database.urls.app)
})
afterAll(async () => {
  await load?.stop()
  await rig?.close()
  await database?.close()
})

/** The hit at which it dies. A renewal happens only where an opening's answer was lost before. */
const hits: Record<FailpointName, number> = {
  'before-batch': 20,
  'batch-sent': 20,
  'after-commit': 20,
  'before-answer': 40,
  'account-opened': 5,
  'before-claim-renewal': 1,
  'after-claim-renewal': 1,
}

test('F1: killed at each failpoint under load, every token that a client received is in the log', async () => {
  load = startLoad(rig, { openEvery: 4 })
  await load.nextToken()
  await rig.broker.kill()
  for (const name of failpointNames) {
    const broker = await rig.start({ MAYFLY_FAILPOINT: `${name}:${hits[name]}` })
    const late = delay(10_000, 'still alive', { ref: false })
    expect(await Promise.race([broker.ended, late]), name).toBe('SIGKILL')
  }
  await rig.start()
  await load.nextToken()
  await load.stop()
  const log = await checkLog(database.admin, load.tokens)
  const repeated = load.opened.filter(opened => opened.repeated > 0)
  const answers = judgeAnswers(load.answers)
  report('F1', { failpoints: failpointNames.length, log, ...answers, openings: load.opened.length, repeated: repeated.length })
  expect(log).toMatchObject(soundLog)
  expect(Object.keys(answers.statuses).filter(status => status !== '200' && status !== '503')).toEqual([])
  expect(repeated.length).toBeGreaterThan(0)
}, 60_000)

test('F1: an opening that is repeated with its Idempotency-Key stays one account, and the last claim secret is the one that works', async () => {
  for (const { token, taskId, accountId, claimUri } of load.opened) {
    const rows = await database.admin<{ id: string; claimHash: Buffer }[]>`
      select id, claim_hash as "claimHash" from mayfly.account where task_id = ${taskId}`
    expect(rows.map(row => formatId('account', row.id))).toEqual([accountId])
    expect(payloadOf(token)['account_id']).toBe(accountId)
    const secret = claimUri?.split('#')[1] ?? ''
    expect(hashSecret(secret).toString('hex')).toBe(rows[0]!.claimHash.toString('hex'))
  }
})
