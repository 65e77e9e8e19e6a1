import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeAcknowledgements } from '#db/feed/acknowledgements.ts'
import { dropFeedHistory } from '#db/feed/drop-history.ts'
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts'

let database: TestDatabase
const tenantId = randomUUID()
const resourceId = randomUUID()
let shard: string
beforeAll(async () => {
  database = await createTestDatabase()
  const { admin } = database
  await admin`insert into mayfly.tenant (id, slug, name) values (${tenantId}, 'feed', 'feed')`
  const [feed] = await admin`select shard from mayfly.feed where tenant_id = ${tenantId}`
  shard = feed!['shard']
})
afterAll(() => database.close())

/** An entry that can be about no token since so many hours. */
async function addEntry(endedHoursAgo: number): Promise<number> {
  const [row] = await database.admin`
    with f as (update mayfly.feed set epoch = epoch + 1 where tenant_id = ${tenantId} returning epoch)
    insert into mayfly.revocation (tenant_id, epoch, id, at, kind, subject, match, until, cause)
      select ${tenantId}, f.epoch, gen_random_uuid(), now(), 'j', 'at', ${randomBytes(16)}, now() - make_interval(hours => ${endedHoursAgo}), 'token'
        from f returning epoch::int`
  return row!['epoch']
}

const acknowledge = (receiverId: string, epoch: number, hoursAgo = 0) =>
  writeAcknowledgements(database.database.sql, [
    { tenantId, receiverId, resourceId, name: 'guard', shard, epoch, atMs: Date.now() - hoursAgo * 3_600_000 },
  ])

const epochs = async (): Promise<number[]> => {
  const rows = await database.admin`select epoch::int from mayfly.revocation where tenant_id = ${tenantId} order by epoch`
  return rows.map(row => row['epoch'])
}
const acknowledged = async (): Promise<number[]> => {
  const rows =
    await database.admin`select epoch::int from mayfly.feed_acknowledgement where tenant_id = ${tenantId} order by epoch`
  return rows.map(row => row['epoch'])
}

test('entries go a day after they could match, acknowledgements with the entries that they are about, receivers with both', async () => {
  const [old, recent, live] = [await addEntry(30), await addEntry(1), await addEntry(-1)]
  const [gone, there] = [randomUUID(), randomUUID()]
  await acknowledge(gone, old, 30)
  for (const epoch of [old, recent, live]) await acknowledge(there, epoch)
  expect(await dropFeedHistory(database.database.sql)).toEqual({ revocations: 1, acknowledgements: 2, receivers: 1 })
  expect(await epochs()).toEqual([recent, live])
  expect(await acknowledged()).toEqual([recent, live])
  const receivers = await database.admin`select id from mayfly.feed_receiver`
  expect(receivers.map(row => row['id'])).toEqual([there])
  expect(await dropFeedHistory(database.database.sql)).toEqual({ revocations: 0, acknowledgements: 0, receivers: 0 })
})

test('a receiver that begins anew in another shard has acknowledged nothing of it', async () => {
  const receiver = randomUUID()
  const epoch = await addEntry(-1)
  await acknowledge(receiver, epoch)
  await database.admin`update mayfly.feed set shard = gen_random_uuid(), epoch = 0 where tenant_id = ${tenantId}`
  const [feed] = await database.admin`select shard from mayfly.feed where tenant_id = ${tenantId}`
  shard = feed!['shard']
  await acknowledge(receiver, 0)
  const rows = await database.admin`select epoch::int from mayfly.feed_acknowledgement where receiver_id = ${receiver}`
  expect(rows.map(row => row['epoch'])).toEqual([0])
})
