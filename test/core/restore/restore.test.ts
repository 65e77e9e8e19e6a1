// Coming back from a restore, on a real database: what `log.begin_restore` does at once, what follows in steps, and what happens when
// several do it, or one dies between.

import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { type RestoreGuard, settleRestore } from '#apps/process/startup-guard.ts'
import { openDiskStore } from '#apps/process/tiles/disk-store.ts'
import { addToLedger } from '#core/audit/erasure/ledger.ts'
import { beginRestore } from '#core/restore/begin-restore.ts'
import { releaseOverdueHolds } from '#core/restore/reinstate-accounts.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { appendBatch } from '#db/log/append.ts'
import { readLogHead } from '#db/log/seal.ts'
import { listForks } from '#db/restore/forks.ts'
import { readHeld, reinstateHeldAccounts } from '#db/restore/held.ts'
import { createTenant, event, makeRequest } from '#test/db/log/requests.ts'
import { lineageUnder, openAccount, openAccounts, type TestAccount } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

const logger = createLogger('test', 'silent')
let db: TestDatabase
let tenantId: string
let guard: RestoreGuard
beforeEach(async () => {
  db = await createTestDatabase()
  tenantId = await createTenant(db.admin)
  guard = {
    databaseUrl: db.urls.app,
    publicUrl: 'https://broker.example',
    keyEncryptionKey: randomBytes(32),
  }
})
afterEach(() => db.close())

const begin = async (shard?: string) =>
  beginRestore(
    { sql: db.database.sql, db: db.database.db, baseUrl: 'https://broker.example' },
    { shard: shard ?? (await readLogHead(db.database.sql)).shard, sealed: undefined, by: 'operator' },
  )
const stateOf = async ({ id }: TestAccount): Promise<string | undefined> =>
  (await db.admin<{ state: string }[]>`select state::text as state from mayfly.account where id = ${id}`)[0]?.state
const use = async (account: TestAccount): Promise<string> => {
  const request = makeRequest(tenantId, { account: { id: account.id, generation: 1 } })
  return (await appendBatch(db.database.sql, [request])).outcomes[0]!
}
const liveOf = async (scope: string): Promise<number> =>
  (await db.admin<{ live: number }[]>`select live from mayfly.live_count where scope = ${scope}`)[0]?.live ?? 0
const reinstate = (accounts: readonly TestAccount[]) =>
  reinstateHeldAccounts(
    db.database.db,
    accounts.map(({ id }) => ({ id, tenantId, event: event({ type: 'account.reinstated' }) })),
  )

describe('a restore', () => {
  test('holds active accounts, so that nothing is issued in them, until they are let go on, with the room that they take', async () => {
    const [kept, other] = await openAccounts(db.database.sql, tenantId, 2)
    const child = await openAccount(db.database.sql, tenantId, { lineage: lineageUnder(kept!) })
    expect(await use(kept!)).toBe('appended')
    expect(await liveOf(tenantId)).toBe(3)
    expect(await begin()).toMatchObject({ held: 3 })
    expect(await liveOf(tenantId)).toBe(0)
    expect(await use(kept!)).toBe('account_not_live')
    expect(await reinstate([kept!])).toEqual([true])
    expect(await use(kept!)).toBe('appended')
    expect(await use(child)).toBe('account_not_live')
    expect(await reinstate([child, kept!])).toEqual([true, false])
    expect(await use(child)).toBe('appended')
    expect(await liveOf(tenantId)).toBe(2)
    expect(await liveOf(kept!.id)).toBe(1)
    expect(await stateOf(other!)).toBe('h')
    expect((await readHeld(db.database.db)).find(row => row.tenantId === tenantId)).toMatchObject({ accounts: 1 })
  })

  test('lets a held account be revoked, whatever its deadline, and gives its room back once', async () => {
    const account = await openAccount(db.database.sql, tenantId)
    await begin()
    const change = { accountId: account.id, tenantId, transition: 'revoke', generation: null, event: event() }
    expect(await transitionAccounts(db.database.sql, [change])).toMatchObject([{ outcome: 'done', state: 'r' }])
    expect(await liveOf(tenantId)).toBe(0)
    expect(await reinstate([account])).toEqual([false])
  })

  test('lets held accounts go whose deadline has passed, so that the reaper finds them', async () => {
    const account = await openAccount(db.database.sql, tenantId)
    await begin()
    expect(await releaseOverdueHolds(db.database)).toBe(0)
    await db.admin`update mayfly.account set deadline = now() - interval '1 second' where id = ${account.id}`
    expect(await releaseOverdueHolds(db.database)).toBe(1)
    expect(await stateOf(account)).toBe('a')
    expect(await use(account)).toBe('account_not_live')
  })

  test('keeps each entry and its place; the next one names the fork', async () => {
    await appendBatch(db.database.sql, [makeRequest(tenantId), makeRequest(tenantId)])
    const before = await db.admin`select position, leaf from log.entry order by 1`
    const { shard, size } = await readLogHead(db.database.sql)
    const begun = await begin()
    const after = await db.admin<{ leaf: string }[]>`select position, leaf from log.entry order by 1`
    expect(after.slice(0, size)).toEqual([...before])
    expect(JSON.parse(after[size]!.leaf)).toMatchObject({ type: 'log.restored' })
    const [fork] = await listForks(db.database.db)
    expect(fork).toMatchObject({ fromShard: shard, toShard: begun!.toShard, size, finished: false })
    await expect(db.admin`update log.fork set size = 0`).rejects.toThrow('append-only')
  })

  test('is begun once by however many begin at once', async () => {
    const { shard } = await readLogHead(db.database.sql)
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => begin(shard)))
    expect(outcomes.filter(outcome => outcome !== undefined)).toHaveLength(1)
    expect(await listForks(db.database.db)).toHaveLength(1)
  })

  test('begins though the log grows meanwhile', async () => {
    let done = false
    const growing = (async () => {
      while (!done) await appendBatch(db.database.sql, [makeRequest(tenantId)])
    })()
    const begun = await begin().finally(() => {
      done = true
    })
    await growing
    expect(begun).toBeDefined()
    const [gaps] = await db.admin`
      select (select count(*) from log.entry) = size and (select max(position) + 1 from log.entry) = size as whole from log.head`
    expect(gaps).toEqual({ whole: true })
  })

  test('of one backup, made twice, never comes to a config epoch that the first one had been at', async () => {
    const epoch = async (): Promise<bigint> =>
      (await db.admin<{ epoch: bigint }[]>`select config_epoch as epoch from mayfly.tenant where id = ${tenantId}`)[0]!.epoch
    const backup = await epoch()
    await begin()
    // Of the time between the two: so many changes, each within a millisecond.
    for (let count = 0; count < 20; count++)
      await db.admin`update mayfly.tenant set config_epoch = config_epoch + 1 where id = ${tenantId}`
    const between = await epoch()
    await db.admin`update mayfly.tenant set config_epoch = ${`${backup}`}::bigint where id = ${tenantId}`
    await begin()
    expect(await epoch()).toBeGreaterThan(between)
  })

  test('ends what opens the door: operators, sessions, join tokens, claim codes, changes that wait; not the resources’ credentials', async () => {
    const person = randomUUID()
    await db.admin`insert into mayfly.credential (id, kind, tenant_id, resource_id, role, name, secret_hash, expires_at)
      values (${randomUUID()}, 'operator', ${tenantId}, null, 'tenant-admin', 'x', '\\x01', now() + interval '1 day')`
    await db.admin`insert into mayfly.change (id, tenant_id, class, operation, params, proposer_id, proposer_role, expires_at)
      values (${randomUUID()}, ${tenantId}, 'trust', 'PUT /v1/agents/:id', '{}', ${person}, 'tenant-admin', now() + interval '1 day')`
    await begin()
    const [left] = await db.admin`
      select (select count(*)::int from mayfly.credential where kind = 'operator' and expires_at > clock_timestamp()) as operators,
             (select count(*)::int from mayfly.change where status = 'waiting') as changes`
    expect(left).toEqual({ operators: 0, changes: 0 })
  })
})

describe('what follows', () => {
  test('is done by who starts next, when the one that began died; and by one of several that start at once', async () => {
    await begin()
    await Promise.all([settleRestore(guard, logger), settleRestore(guard, logger), settleRestore(guard, logger)])
    expect(await listForks(db.database.db)).toMatchObject([{ finished: true }])
    const keys =
      await db.admin`select alg, count(*)::int as count from mayfly.signing_key where state = 'active' group by alg order by alg`
    expect(keys).toEqual([
      { alg: 'ES256', count: 1 },
      { alg: 'RS256', count: 1 },
    ])
    const [all] = await db.admin`select count(*)::int as keys from mayfly.signing_key`
    expect(all).toEqual({ keys: 2 })
  })

  test('forgets again whoever the ledger of erasures names and the backup has brought back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-ledger-'))
    const [keyId, other] = [randomUUID(), randomUUID()]
    for (const id of [keyId, other])
      await db.admin`insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
        values (${id}, ${tenantId}, ${randomBytes(32)}, ${randomBytes(60)}, 'kek')`
    const erasure = { id: randomUUID(), tenantId, keyIds: [keyId], personIds: [], sealed: null, sealedUnder: null, askedAtMs: 1 }
    await addToLedger(openDiskStore(folder), [erasure])
    await begin()
    await settleRestore({ ...guard, erasureLedger: { folder } }, logger)
    expect(await db.admin`select id from mayfly.subject_key`).toEqual([{ id: other }])
    expect(await listForks(db.database.db)).toMatchObject([{ finished: true }])
    rmSync(folder, { recursive: true, force: true })
  })

  test('is not called done where the ledger was changed: nobody is served', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-ledger-'))
    mkdirSync(join(folder, 'erasures'))
    writeFileSync(join(folder, 'erasures', '00000001.json'), '{}')
    await begin()
    await expect(settleRestore({ ...guard, erasureLedger: { folder } }, logger)).rejects.toMatchObject({
      hint: expect.stringContaining('not as it was written'),
    })
    expect(await listForks(db.database.db)).toMatchObject([{ finished: false }])
    rmSync(folder, { recursive: true, force: true })
  })

  test('tells each tenant’s guards that nothing of before is good, under a shard of its own', async () => {
    const before = await db.admin<{ shard: string; config_epoch: bigint }[]>`
      select f.shard, t.config_epoch from mayfly.feed f join mayfly.tenant t on t.id = f.tenant_id where t.id = ${tenantId}`
    await begin()
    const [after] = await db.admin<{ shard: string; config_epoch: bigint; least: bigint; seconds: number }[]>`
      select f.shard, t.config_epoch, r.least, extract(epoch from r.until - now())::int as seconds
        from mayfly.feed f join mayfly.tenant t on t.id = f.tenant_id join mayfly.revocation r on r.tenant_id = t.id and r.kind = 't'
       where t.id = ${tenantId}`
    expect(after!.shard).not.toBe(before[0]!.shard)
    expect(after!.least).toBe(after!.config_epoch)
    expect(after!.least - before[0]!.config_epoch).toBeGreaterThanOrEqual(1_000_000_000n)
    // What guards read: a number of JSON, and at most fifteen digits in the feed.
    expect(Number.isSafeInteger(Number(after!.least))).toBe(true)
    expect(`${after!.least}`).toMatch(/^\d{1,15}$/)
    expect(after!.seconds).toBeGreaterThan(3_600)
  })
})
