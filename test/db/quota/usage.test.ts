import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuditEvent, prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { appendBatch } from '#db/log/append.ts'
import { foldUsage } from '#db/quota/fold-usage.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8, madeUpEvents: true })
})
afterAll(() => db.close())

const day = Date.parse('2030-05-01T12:00:00Z')
const none = '00000000-0000-0000-0000-000000000000'
const id = () => newUuid(Date.now())

async function write(events: readonly AuditEvent[], nowMs = day): Promise<void> {
  const requests = events.map(event => eventOnly(event.tenantId!, prepareEvent(event, nowMs)))
  await appendBatch(db.database.sql, requests)
}

const rowsOf = (tenantId: string) =>
  db.admin`select to_char(day, 'YYYY-MM-DD') as day, agent_id, account_id, opened::int, tokens::int, denials::int,
    calls_allowed::int as allowed, calls_refused::int as refused, units::int from mayfly.usage where tenant_id = ${tenantId} order by day, account_id`

const issued = (tenantId: string, agentId: string, accountId: string, units?: number): AuditEvent => ({
  type: 'token.issued',
  tenantId,
  agentId,
  accountId,
  facts: { ...(units !== undefined && { units }) },
})

describe('usage', () => {
  test('adds up each entry of the log once, however many workers fold at the same time', async () => {
    const [tenantId, agentId, accountId] = [id(), id(), id()]
    await write([{ type: 'account.opened', tenantId, agentId, accountId, facts: {} }])
    const writing = Array.from({ length: 40 }, () =>
      write(Array.from({ length: 25 }, () => issued(tenantId, agentId, accountId, 2))),
    )
    const folding = Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 10; i++) await foldUsage(db.database.sql)
    })
    await Promise.all([...writing, ...folding])
    await foldUsage(db.database.sql)
    expect(await rowsOf(tenantId)).toEqual([
      {
        day: '2030-05-01',
        agent_id: agentId,
        account_id: accountId,
        opened: 1,
        tokens: 1000,
        denials: 0,
        allowed: 0,
        refused: 0,
        units: 2000,
      },
    ])
    expect(await foldUsage(db.database.sql)).toBe(0)
  })

  test('keeps days, agents and tenants apart, and denials of no account', async () => {
    const [tenantId, other, agentId, accountId] = [id(), id(), id(), id()]
    await write([
      issued(tenantId, agentId, accountId),
      issued(other, agentId, accountId),
      { type: 'token.denied', tenantId, agentId, facts: {} },
    ])
    await write([issued(tenantId, agentId, accountId)], day + 86_400_000)
    await foldUsage(db.database.sql)
    const rows = await rowsOf(tenantId)
    expect(rows.map(({ day, account_id, tokens, denials }) => [day, account_id, tokens, denials])).toEqual([
      ['2030-05-01', none, 0, 1],
      ['2030-05-01', accountId, 1, 0],
      ['2030-05-02', accountId, 1, 0],
    ])
    expect((await rowsOf(other)).length).toBe(1)
  })

  test("puts what guards report down to the account, also when it is gone, and to no other tenant's", async () => {
    const [tenantId, other, agentId, accountId] = [id(), id(), id(), id()]
    await write([issued(tenantId, agentId, accountId)])
    await foldUsage(db.database.sql)
    const decision = (outcome: string, more: object) => ({ time: day, outcome, reason: 'x', ...more })
    const account_id = formatId('account', accountId)
    const facts = {
      decisions: [decision('allow', { account_id, units: 5 }), decision('deny', { account_id, count: 3 }), decision('deny', {})],
    }
    await write([
      { type: 'decisions.reported', tenantId, facts },
      { type: 'decisions.reported', tenantId: other, facts },
    ])
    await foldUsage(db.database.sql)
    const [nobody, account] = await rowsOf(tenantId)
    expect(account).toMatchObject({ account_id: accountId, agent_id: agentId, allowed: 1, refused: 3, units: 5 })
    expect(nobody).toMatchObject({ account_id: none, refused: 1 })
    expect((await rowsOf(other)).map(row => row['account_id'])).toEqual([none])
  })

  test('can be written by nobody but the fold', async () => {
    await expect(db.database.sql`delete from mayfly.usage`).rejects.toThrow(/permission denied/)
    await expect(db.database.sql`update mayfly.usage_cursor set position = 0`).rejects.toThrow(/permission denied/)
  })
})
