import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { matchOf } from '#core/revocation/entry.ts'
import { type AccountChange, transitionAccounts } from '#db/accounts/transition.ts'
import { readFeedSince } from '#db/feed/read-since.ts'
import { appendBatch, type NewLineage } from '#db/log/append.ts'
import { readFeedHeads, readFeedSnapshot } from '#db/revocation/feed.ts'
import { isRevoked, type RevocableToken } from '#db/revocation/find-revoked.ts'
import { type PublishedRevocation, publishRevocations } from '#db/revocation/publish.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createTenant, event, inSeconds, makeOpening, makeRequest } from '../log/requests.ts'

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())
beforeAll(async () => {
  tenantId = await createTenant(db.admin)
})

const wire = (prefix: string, id: string): string => `${prefix}_${id.replaceAll('-', '')}`
const since = async (epoch: number) => (await readFeedSince(db.database.sql, tenantId, epoch)).entries
const head = async () => (await readFeedHeads(db.database.db, [tenantId]))[0]!

async function open(lineage?: NewLineage, deadline = inSeconds(3600)) {
  const opening = {
    ...makeOpening(tenantId),
    id: randomUUID(),
    deadline,
    claim_hash: lineage ? null : '00',
    ...(lineage && { lineage }),
  }
  const account = lineage ? { id: lineage.parent, generation: 1 } : null
  const { outcomes } = await appendBatch(db.database.sql, [makeRequest(tenantId, { account, opening })])
  expect(outcomes).toEqual(['appended'])
  return opening.id
}

const under = (...ancestors: string[]): NewLineage => ({
  root: ancestors.at(-1)!,
  parent: ancestors[0]!,
  depth: ancestors.length,
  max_depth: 8,
  ancestors,
  generations: ancestors.map(() => 1),
  agents: ancestors.map(() => randomUUID()),
  quota: null,
})

const change = (accountId: string, transition: string, more: Partial<AccountChange> = {}) =>
  transitionAccounts(db.database.sql, [
    { accountId, tenantId, transition, generation: null, event: event(), by: { by: 'test' }, ...more },
  ])

const publish = (...revocations: PublishedRevocation[]) =>
  db.database.db
    .forTenant(tenantId)
    .transaction()
    .execute(trx => publishRevocations(trx, revocations))

test('what nobody can be told of is not revoked: without a feed the transaction fails', async () => {
  const lost = await createTenant(db.admin)
  await db.admin`delete from mayfly.feed where tenant_id = ${lost}`
  const by = { by: 'test' }
  const revocation = { id: randomUUID(), tenantId: lost, kind: 'k', subject: 'kid', least: null, cause: 'key', by } as const
  const published = db.database.db
    .forTenant(lost)
    .transaction()
    .execute(trx => publishRevocations(trx, [revocation]))
  await expect(published).rejects.toThrow(/without a feed/)
})

test('what one transaction revokes is numbered in its order and announced at once, however much it is', async () => {
  const { epoch } = await head()
  const heard: string[] = []
  const listening = await db.database.sql.listen('mayfly_feed', payload => void heard.push(payload))
  const subjects = Array.from({ length: 500 }, (_, i) => `agt_${i}`)
  const id = randomUUID()
  const revocations = subjects.map(
    subject => ({ id, tenantId, kind: 'c', subject, least: null, cause: 'trust_source', by: { by: 'test' } }) as const,
  )
  await publish(...revocations)
  const last = { id: randomUUID(), tenantId, kind: 'j', subject: 'at_last', least: null, cause: 'token', by: {} } as const
  await publish(last)
  const found = await since(epoch)
  expect(found.map(each => each.epoch)).toEqual([...subjects, last].map((_, i) => epoch + 1 + i))
  expect(found.map(each => each.match.toString('hex'))).toEqual(
    [...subjects, 'at_last'].map(text => matchOf(text).toString('hex')),
  )
  await expect.poll(() => heard.filter(text => text.startsWith(tenantId)).at(-1)).toBe(`${tenantId} ${epoch + 501}`)
  expect(heard.filter(text => text.startsWith(tenantId))).toEqual([`${tenantId} ${epoch + 500}`, `${tenantId} ${epoch + 501}`])
  await listening.unlisten()
})

describe('ending an account', () => {
  test('is one entry with the next epoch, under the id that was given', async () => {
    const before = await head()
    const account = await open()
    const revocationId = randomUUID()
    await change(account, 'complete', { revocationId })
    const [entry, ...more] = await since(before.epoch)
    expect(more).toEqual([])
    expect(entry).toMatchObject({ epoch: before.epoch + 1, kind: 'a', least: 2, match: matchOf(wire('acct', account)) })
    expect(entry!.untilSeconds - Date.now() / 1000).toBeGreaterThan(300)
    expect(entry!.untilSeconds - Date.now() / 1000).toBeLessThan(315)
    expect((await head()).epoch).toBe(before.epoch + 1)
    const [row] =
      await db.admin`select id, cause, actor, subject from mayfly.revocation where tenant_id = ${tenantId} and epoch = ${entry!.epoch}`
    expect(row).toEqual({ id: revocationId, cause: 'complete', actor: { by: 'test' }, subject: wire('acct', account) })
  })

  test('by its deadline is none, and an extension is none', async () => {
    const { epoch } = await head()
    const account = await open()
    await change(account, 'extend', { deadlineSeconds: inSeconds(7200) })
    await db.admin`update mayfly.account set deadline = clock_timestamp() - interval '1 second' where id = ${account}`
    expect((await change(account, 'expire'))[0]!.outcome).toBe('done')
    expect((await head()).epoch).toBe(epoch)
  })

  test('that is refused is none', async () => {
    const account = await open()
    const { epoch } = await head()
    expect((await change(account, 'complete', { generation: 7 }))[0]!.outcome).toBe('conflict')
    expect((await head()).epoch).toBe(epoch)
  })

  test('of a root with descendants is one entry for the tree', async () => {
    const root = await open()
    const child = await open(under(root))
    await open(under(child, root))
    const { epoch } = await head()
    await change(root, 'revoke')
    const entries = await since(epoch)
    expect(entries.map(({ kind, least }) => [kind, least])).toEqual([['x', 2]])
    expect(entries[0]!.match).toEqual(matchOf(wire('txn', root)))
    await change(child, 'revoke')
    expect((await head()).epoch).toBe(epoch + 1)
  })

  test('below a root is an entry for it and each live descendant, and for nobody beside it', async () => {
    const root = await open()
    const child = await open(under(root))
    const grandchild = await open(under(child, root))
    await open(under(root))
    const { epoch } = await head()
    await change(child, 'complete')
    const entries = await since(epoch)
    const found = entries.map(({ match }) => match.toString('hex'))
    expect(found.sort()).toEqual([child, grandchild].map(id => matchOf(wire('acct', id)).toString('hex')).sort())
  })

  test('lasts no longer than its deadline', async () => {
    const deadline = inSeconds(60)
    const account = await open(undefined, deadline)
    const { epoch } = await head()
    await change(account, 'revoke')
    expect((await since(epoch))[0]!.untilSeconds).toBe(deadline + 10)
  })
})

describe('a claim', () => {
  test('of a root kills its descendants and its own earlier tokens, and no later one', async () => {
    const root = await open()
    const child = await open(under(root))
    await change(root, 'claim', { claim: { personId: randomUUID(), readmitted: true, reviewOn: null } })
    const rootToken = tokenOf(root, { transaction: wire('txn', root) })
    expect(await check({ ...rootToken, generation: 1 })).toBe(true)
    expect(await check({ ...rootToken, generation: 2 })).toBe(false)
    expect(await check({ ...tokenOf(child), rootId: wire('acct', root), transaction: wire('txn', root), generation: 1 })).toBe(
      true,
    )
  })
})

const tokenOf = (account: string, more: Partial<RevocableToken> = {}): RevocableToken => ({
  issuer: 'https://broker.example',
  kid: 'k1',
  tokenId: wire('at', randomUUID()),
  accountId: wire('acct', account),
  rootId: wire('acct', account),
  transaction: wire('txn', account),
  generation: 1,
  configEpoch: 1,
  agents: [wire('agt', randomUUID())],
  ...more,
})
const check = (token: RevocableToken) => isRevoked(db.database.db.forTenant(tenantId), tenantId, token)

describe('what a transaction publishes', () => {
  const by = { by: 'test' }
  test('is numbered at its commit, without a gap, and not when it fails', async () => {
    const { epoch } = await head()
    const entry = (subject: string) =>
      ({ id: randomUUID(), tenantId, kind: 'j', subject, least: null, cause: 'token', by }) as const
    const failing = db.database.db
      .forTenant(tenantId)
      .transaction()
      .execute(async trx => {
        await publishRevocations(trx, [entry('at_1')])
        throw new Error('no')
      })
    await expect(failing).rejects.toThrow('no')
    await publish(entry('at_2'), entry('at_3'))
    const entries = await since(epoch)
    expect(entries.map(each => [each.epoch, each.kind])).toEqual([
      [epoch + 1, 'j'],
      [epoch + 2, 'j'],
    ])
    expect(await check(tokenOf(randomUUID(), { tokenId: 'at_3' }))).toBe(true)
    expect(await check(tokenOf(randomUUID(), { tokenId: 'at_1' }))).toBe(false)
  })

  test('of an agent counts for what was issued before its own change of the configuration', async () => {
    const agent = wire('agt', randomUUID())
    await db.database.db
      .forTenant(tenantId)
      .transaction()
      .execute(async trx => {
        await publishRevocations(trx, [
          { id: randomUUID(), tenantId, kind: 'c', subject: agent, least: null, cause: 'agent', by },
        ])
        await trx.updateTable('mayfly.tenant').set({ config_epoch: 40n }).where('id', '=', tenantId).execute()
      })
    expect(await check(tokenOf(randomUUID(), { agents: [agent], configEpoch: 39 }))).toBe(true)
    expect(await check(tokenOf(randomUUID(), { agents: [wire('agt', randomUUID()), agent], configEpoch: 39 }))).toBe(true)
    expect(await check(tokenOf(randomUUID(), { agents: [agent], configEpoch: 40 }))).toBe(false)
  })

  test('for another tenant is refused by the database', async () => {
    const other = await createTenant(db.admin)
    const entry = { id: randomUUID(), tenantId: other, kind: 'j', subject: 'at_1', least: null, cause: 'token', by } as const
    await expect(publish(entry)).rejects.toThrow(/row-level security/)
  })
})

test('a snapshot holds what may still match a token, as of one epoch; the rest is dropped without a gap in the numbers', async () => {
  const mine = db.database.db.forTenant(tenantId)
  await db.admin`update mayfly.revocation set until = clock_timestamp() where tenant_id = ${tenantId} and epoch = 1`
  const { head: at, entries } = await readFeedSnapshot(mine, tenantId)
  const { epoch, shard } = await head()
  expect([at.epoch, at.shard]).toEqual([epoch, shard])
  expect(entries.map(each => each.epoch)).toEqual(Array.from({ length: epoch - 1 }, (_, index) => index + 2))
  expect((await since(0)).length).toBe(epoch - 1)
  expect(entries[0]!.match).toBeInstanceOf(Buffer)
})

test('epochs are gapless, and become visible in their order, however many revoke at once', async () => {
  const accounts = await Promise.all(Array.from({ length: 60 }, () => open()))
  const { epoch } = await head()
  const seen: number[] = []
  let going = true
  const watching = (async () => {
    while (going) seen.push(...(await since(seen.at(-1) ?? epoch)).map(entry => entry.epoch))
  })()
  await Promise.all(accounts.map(account => change(account, 'revoke')))
  while (seen.length < 60) await new Promise(resolve => setImmediate(resolve))
  going = false
  await watching
  expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => epoch + 1 + index))
})
