import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatId, newUuid } from '#core/ids/id.ts'
import { OperatorRefusals } from '#core/operators/refusals.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { readLog } from '#test/setup/log-reader.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

const rows = () => db.database.db.forTenant(null)
const nowMs = Date.now()
const whoever = () => ({ credentialId: newUuid(), role: 'auditor', tenantId: null, resourceId: undefined }) as const
const operation = 'GET /v1/accounts/:id/trail'
const anAccount = () => formatId('account', newUuid())
const told = async (credentialId: string) => {
  const actor = formatId('credential', credentialId)
  const log = await readLog(db.admin)
  return log.flatMap(({ body }) => (body?.actor === actor ? [body.target] : []))
}

test('the same refusal, asked a hundred times at once, is one entry, and none of them ends before it is there', async () => {
  const refusals = new OperatorRefusals()
  const refusal = { principal: whoever(), operation, reason: 'not_found', target: anAccount() }
  const counts = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      await refusals.record(rows(), refusal, nowMs - (n % 3))
      return (await told(refusal.principal.credentialId)).length
    }),
  )
  expect(new Set(counts)).toEqual(new Set([1]))
})

test('one harmless refusal hides no other target behind it', async () => {
  const refusals = new OperatorRefusals()
  const principal = whoever()
  const [decoy, victim] = [anAccount(), anAccount()]
  for (const target of [decoy, victim, victim, undefined])
    await refusals.record(rows(), { principal, operation, reason: 'not_found', target }, nowMs)
  expect(await told(principal.credentialId)).toEqual([decoy, victim])
})

test('whoever tries targets one after the other fills no log', async () => {
  const refusals = new OperatorRefusals()
  const principal = whoever()
  for (let n = 0; n < 50; n++)
    await refusals.record(
      rows(),
      { principal, operation: `${operation} ${n % 2}`, reason: 'forbidden', target: anAccount() },
      nowMs,
    )
  expect((await told(principal.credentialId)).length).toBe(22)
  await refusals.record(rows(), { principal, operation, reason: 'forbidden', target: anAccount() }, nowMs + 60_000)
  expect((await told(principal.credentialId)).length).toBe(23)
})

test('what could not be written is no entry that the next one can lean on', async () => {
  const refusals = new OperatorRefusals()
  const refusal = { principal: whoever(), operation, reason: 'forbidden', target: anAccount() }
  const gone = { transaction: () => ({ execute: async () => Promise.reject(new Error('no database')) }) }
  for (let n = 0; n < 2; n++) await expect(refusals.record(gone as never, refusal, nowMs)).rejects.toThrow('no database')
  await refusals.record(rows(), refusal, nowMs)
  expect(await told(refusal.principal.credentialId)).toEqual([refusal.target])
})
