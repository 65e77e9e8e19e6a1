import { hash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FirstUses } from '#core/replay/first-uses.ts'
import { deleteExpired } from '#db/housekeeping/delete-expired.ts'
import { consumeReplays, type ReplayUse } from '#db/replay/consume.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

const soon = (): number => Date.now() / 1000 + 300
const use = (more: Partial<ReplayUse> = {}): ReplayUse => ({
  tenantId: randomUUID(),
  kind: 'dpop',
  hash: hash('sha256', randomUUID(), 'hex'),
  expiresSeconds: soon(),
  ...more,
})

test('a proof is used for the first time once, whoever asks', async () => {
  const first = use()
  expect(await consumeReplays(db.database.sql, [first])).toEqual([true])
  expect(await consumeReplays(db.database.sql, [first])).toEqual([false])
})

test('tenants and sorts of proof do not stand in each other’s way', async () => {
  const first = use()
  const others = [first, { ...first, tenantId: randomUUID() }, { ...first, kind: 'id_jag' as const }]
  expect(await consumeReplays(db.database.sql, others)).toEqual([true, true, true])
})

test('of a hundred uses of one proof at the same time, by three brokers, one is the first', async () => {
  const brokers = [1, 2, 3].map(() => new FirstUses(uses => consumeReplays(db.database.sql, uses)))
  const tenantId = randomUUID()
  const uses = Array.from({ length: 100 }, (_, i) => brokers[i % 3]!.consume(tenantId, 'did_proof', ['same'], soon()))
  expect((await Promise.all(uses)).filter(Boolean)).toHaveLength(1)
})

test('calls that hold the same proofs in opposite order do not wait for each other', async () => {
  const uses = Array.from({ length: 200 }, () => use())
  const answers = await Promise.all([
    consumeReplays(db.database.sql, uses),
    consumeReplays(db.database.sql, uses.toReversed()),
    consumeReplays(db.database.sql, uses),
  ])
  const [a, b, c] = [answers[0]!, answers[1]!.toReversed(), answers[2]!]
  for (const [i] of uses.entries()) expect([a[i], b[i], c[i]].filter(Boolean)).toHaveLength(1)
})

test('what ended a minute ago is collected, what has not is kept', async () => {
  const ended = use({ expiresSeconds: Date.now() / 1000 - 120 })
  const live = use()
  await consumeReplays(db.database.sql, [ended, live])
  expect((await deleteExpired(db.database.sql)).replays).toBe(1)
  expect(await consumeReplays(db.database.sql, [ended, live])).toEqual([true, false])
})
