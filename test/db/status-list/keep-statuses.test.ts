import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createAccounts, createTenant, makeRequest, makeStatus } from '../log/requests.ts'

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase()
  tenantId = await createTenant(db.admin)
})
afterAll(() => db.close())

const kept = (list: string) => db.admin`select idx, account_id, agents from mayfly.token_status where list = ${list}`

test('a place is written with the issuance that it belongs to, among requests that have none', async () => {
  const status = makeStatus(tenantId, { agents: [crypto.randomUUID(), crypto.randomUUID()] })
  const { outcomes } = await appendBatch(db.database.sql, [
    makeRequest(tenantId),
    makeRequest(tenantId, { status }),
    makeRequest(tenantId),
  ])
  expect(outcomes).toEqual(['appended', 'appended', 'appended'])
  expect(await kept(status.list)).toEqual([{ idx: 7, account_id: status.account, agents: status.agents }])
})

test('an issuance that is refused at the commit leaves no place behind, its neighbours theirs', async () => {
  const [id] = await createAccounts(db.admin, tenantId, 1)
  const refused = makeStatus(tenantId, { account: id! })
  const good = makeStatus(tenantId)
  const { outcomes } = await appendBatch(db.database.sql, [
    makeRequest(tenantId, { account: { id: id!, generation: 2 }, status: refused }),
    makeRequest(tenantId, { status: good }),
  ])
  expect(outcomes).toEqual(['account_not_live', 'appended'])
  expect(await kept(refused.list)).toEqual([])
  expect(await kept(good.list)).toHaveLength(1)
})

test('a place is given once: a second token there is not issued', async () => {
  const status = makeStatus(tenantId)
  await appendBatch(db.database.sql, [makeRequest(tenantId, { status })])
  const second = appendBatch(db.database.sql, [makeRequest(tenantId, { status: { ...status, token: crypto.randomUUID() } })])
  await expect(second).rejects.toMatchObject({ code: '23505' })
})
