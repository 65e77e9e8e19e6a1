// What a guard names in its reports may be another tenant's: an account with as many events as anybody likes.

import type { TransactionSql } from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { formatId, newId, newUuid } from '#core/ids/id.ts'
import { projectLog } from '#db/audit/projection.ts'
import { appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

const [own, other, account] = [newUuid(), newUuid(), newUuid()]
const decisionsMost = 200

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase({ madeUpEvents: true })
  await projectLog(db.database.db)
  await db.admin.begin(async trx => {
    await trx`set local session_replication_role = replica`
    await trx`insert into log.event (position, at, account_id, token_id, tenant_id, agent_id, retention, decision, type)
      select 1000 + n, now(), ${account}::uuid, gen_random_uuid(), ${other}::uuid, gen_random_uuid(), 1, 'a', 'token.issued'
        from generate_series(1, 5000) n`
    await trx`insert into log.event (position, at, account_id, tenant_id, agent_id, retention, decision, type)
      select 6000 + n, now(), gen_random_uuid(), ${own}::uuid, gen_random_uuid(), 1, 'a', 'account.opened' from generate_series(1, 5000) n`
  })
  await db.admin`analyze log.event`
})
afterAll(() => db.close())

const fetched = async (trx: TransactionSql): Promise<number> => {
  const [row] = await trx<[{ rows: string }]>`
    select coalesce(sum(idx_tup_fetch), 0)::text as rows from pg_stat_xact_user_tables where schemaname = 'log' and relname like 'event_0%'`
  return Number(row.rows)
}
/** Rows of the projection that are fetched by what `ask` does. */
const rowsRead = (ask: (trx: TransactionSql) => Promise<unknown>): Promise<number> =>
  db.admin.begin(async trx => {
    const before = await fetched(trx)
    await ask(trx)
    return (await fetched(trx)) - before
  })

test('a report of another tenant’s account is projected without reading that account’s events once for each decision', async () => {
  const decisions = Array.from({ length: decisionsMost }, () => ({
    time: 1,
    outcome: 'deny' as const,
    reason: 'granted',
    account_id: formatId('account', account),
    jti: newId('token'),
  }))
  const facts = { allowed: 0, denied: decisionsMost, decisions, resource: newUuid() }
  const report = prepareEvent({ type: 'decisions.reported', tenantId: own, facts } as never, Date.now())
  await appendBatch(db.database.sql, [eventOnly(own, report)])
  const read = await rowsRead(trx => trx`select log.project_events(1000)`)
  expect(read).toBeLessThan(decisionsMost * 100)
  // Of the tokens; the account is nobody's here.
  const [told] = await db.admin<[{ mentions: number }]>`select count(*)::int as mentions from log.report_mention`
  expect(told).toEqual({ mentions: decisionsMost })
})

test('the trail of another tenant’s account reads no more than that of none, however much happened to it', async () => {
  let family: unknown
  const read = await rowsRead(async trx => {
    family = await trx`select opened_at, ended_at from across.account_family(${own}, ${account}, 10)`
  })
  expect(family).toMatchObject([{ opened_at: null, ended_at: null }])
  expect(read).toBeLessThan(200)
})
