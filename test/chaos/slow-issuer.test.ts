// A trust source that answers slowly: callers are told within a second, and the keys are there for those who come back.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { type Rig, startRig } from './rig/rig.ts'

let database: TestDatabase
let rig: Rig
beforeAll(async () => {
  database = await createTestDatabase()
  rig = await startRig(database.urls.app)
})
afterAll(async () => {
  await rig?.close()
  await database?.close()
})

test('answers 503 within a second while the keys of an issuer are on their way, and asks for them once', async () => {
  const release = rig.issuer.hold()
  const startedMs = performance.now()
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => rig.http.token(rig.form(`slow-${i}`), rig.certificate)))
  expect(performance.now() - startedMs).toBeLessThan(1_500)
  for (const { status, headers, body } of answers) {
    expect([status, headers['retry-after'], body.error]).toEqual([503, '1', 'temporarily_unavailable'])
    expect(body.error_description).toMatch(/keys of the token issuer/)
  }
  expect(rig.issuer.asked).toBe(1)
  release()
  await expect.poll(async () => (await rig.http.token(rig.form('slow-0'), rig.certificate)).status, { timeout: 2_000 }).toBe(200)
  expect(rig.issuer.asked).toBe(1)
})
