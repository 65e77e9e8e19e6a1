import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { type RunningBroker, startRunningBroker } from '#test/setup/running-broker.ts'

let test: TestDatabase
let running: RunningBroker

beforeAll(async () => {
  test = await createTestDatabase()
  running = await startRunningBroker({ databaseUrl: test.urls.app })
})
afterAll(async () => {
  await running?.close()
  await test?.close()
})

it('exchanges a workload token over mTLS for a key-bound task token', async () => {
  const answer = await running.token(running.form({ task_id: 'task-1' }), running.certificate)
  expect(answer.text).toContain('access_token')
  expect(answer.status).toBe(200)
})
