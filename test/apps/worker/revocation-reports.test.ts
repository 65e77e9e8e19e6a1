import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { startRevocationReports } from '#apps/worker/revocation-reports.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { revokeToken } from '#core/revocation/revoke.ts'
import { writeAcknowledgements } from '#db/feed/acknowledgements.ts'
import { createTenant } from '#test/db/log/requests.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { readLog } from '#test/setup/log-reader.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

const logger = createLogger('worker', 'info', () => {})

/** A tenant with guards that listen; what they have heard of stands in the database as the broker writes it. */
async function tenantWithGuards(guards: number) {
  const tenantId = await createTenant(db.admin)
  const [feed] = await db.admin<{ shard: string }[]>`select shard from mayfly.feed where tenant_id = ${tenantId}`
  const receivers = Array.from({ length: guards }, (_, index) => ({ receiverId: newUuid(), name: `guard-${index}` }))
  const resourceId = newUuid()
  const hear = async (epoch: number, heard = receivers) => {
    const [now] = await db.admin<{ ms: number }[]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`
    const rows = heard.map(receiver => ({ tenantId, resourceId, shard: feed!.shard, epoch, atMs: now!.ms, ...receiver }))
    await writeAcknowledgements(db.database.sql, rows)
  }
  await hear(0)
  const revoke = async () => {
    const id = newUuid()
    const order = { id, tenantId, facts: { by: 'operator' } as const, nowMs: Date.now() }
    await db.database.db
      .forTenant(tenantId)
      .transaction()
      .execute(trx => revokeToken(trx, order, { tokenId: formatId('token', newUuid()) }))
    return formatId('revocation', id)
  }
  const reports = async () =>
    (await readLog(db.admin))
      .filter(({ leaf }) => leaf.type === 'revocation.acknowledged' && leaf.tenant === tenantId)
      .map(({ body }) => body)
  return { tenantId, receivers, hear, revoke, reports }
}

/** One round of a worker, which then ends. */
async function round(patience?: number): Promise<void> {
  const reports = startRevocationReports(db.database, logger, patience)
  await reports.report()
  await reports.close()
}

describe('a revocation', () => {
  test('that every guard has acknowledged is told to the log once, with the time that the last one took', async () => {
    const { hear, revoke, reports } = await tenantWithGuards(3)
    const revocation = await revoke()
    await round()
    expect(await reports()).toEqual([])
    await hear(1)
    await Promise.all([round(), round()])
    expect(await reports()).toEqual([
      expect.objectContaining({ revocation, epoch: 1, receivers: 3, acknowledged: 3, missing: 0, last_ms: expect.any(Number) }),
    ])
    await round()
    expect(await reports()).toHaveLength(1)
  })

  test('that a guard never heard of is told with the one that is missing, when waiting is over', async () => {
    const { hear, receivers, revoke, reports } = await tenantWithGuards(2)
    await revoke()
    await hear(1, receivers.slice(1))
    await round()
    expect(await reports()).toEqual([])
    await round(0)
    expect(await reports()).toEqual([expect.objectContaining({ receivers: 2, acknowledged: 1, missing: 1 })])
  })

  test('is told in the order of the feed: a later one waits for an earlier one', async () => {
    const { hear, receivers, revoke, reports } = await tenantWithGuards(2)
    const ids = [await revoke(), await revoke()]
    await hear(2, receivers.slice(1))
    await round()
    expect(await reports()).toEqual([])
    await hear(2)
    await round()
    expect((await reports()).map(({ revocation }) => revocation)).toEqual(ids)
  })

  test('that nobody listened to is no event', async () => {
    const { revoke, reports } = await tenantWithGuards(0)
    await revoke()
    await round(0)
    expect(await reports()).toEqual([])
  })
})
