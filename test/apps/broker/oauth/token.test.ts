import { afterAll, beforeAll, expect, it } from 'vitest'
import { changeRegistration } from '#test/setup/change-registration.ts'
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

it('gives a token no more than its registration allows, however long the caller asks for and the resource would take it', async () => {
  const { agent, resource } = running.ids
  const longer = await changeRegistration(running, `/v1/resources/${resource}`, () => ({
    max_ttl_seconds: 3600,
    enforces: ['cnf', 'rar', 'feed'],
  }))
  const shorter = await changeRegistration(running, `/v1/agents/${agent}`, ({ settings }) => ({
    settings: { ...settings, token_ttl_seconds: 120 },
  }))
  expect([longer.status, shorter.status]).toEqual([200, 200])
  const lives: number[] = []
  for (const ttl of ['3600', '60', undefined]) {
    const answer = await running.token(running.form({ task_id: 'ttl', ttl }), running.certificate)
    lives.push(answer.body.expires_in)
  }
  expect(lives).toEqual([120, 60, 120])
})
