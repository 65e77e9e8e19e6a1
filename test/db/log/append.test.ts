import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readAccounts } from '#db/accounts/read-accounts.ts'
import { openDatabase } from '#db/connect.ts'
import { type AppendOutcome, type AppendRequest, appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import {
  countRows,
  createAccounts,
  createTenant,
  event,
  inSeconds,
  makeOpening,
  makePin,
  makeRequest,
  makeSubjectKey,
  readLeaves,
  sha256Hex,
} from './requests.ts'

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase()
  tenantId = await createTenant(db.admin)
})
afterAll(() => db.close())

const append = (...requests: AppendRequest[]) => appendBatch(db.database.sql, requests)
const request = (change: Partial<AppendRequest> = {}) => makeRequest(tenantId, change)

describe('the sequence', () => {
  test('is gapless and in each batch’s own order under 8 connections that append at the same time', async () => {
    const before = (await countRows(db.admin)).size
    const writers = Array.from({ length: 8 }, () => openDatabase(db.urls.app, { poolSize: 1 }))
    await Promise.all(
      writers.map(async ({ sql }, writer) => {
        for (let batch = 0; batch < 20; batch++)
          await appendBatch(
            sql,
            Array.from({ length: 5 }, (_, n) => request({ events: [event({ writer, n: batch * 5 + n })] })),
          )
      }),
    )
    await Promise.all(writers.map(writer => writer.close()))
    const leaves = await readLeaves(db.admin)
    expect(leaves.map(({ position }) => Number(position))).toEqual(leaves.map((_, index) => index))
    expect((await countRows(db.admin)).size).toBe(before + 800)
    for (let writer = 0; writer < 8; writer++)
      expect(leaves.filter(({ leaf }) => leaf['writer'] === writer).map(({ leaf }) => leaf['n'])).toEqual([...Array(100).keys()])
  })

  test('stores the very bytes of each leaf and body at one position, and nothing for an empty body', async () => {
    const odd = { leaf: '{"text":"ü \\" \\\\ , {} \\n NULL"}', body: '{"b":"ß,\\"\\u0000"}' }
    const { firstPosition, databaseMs } = await append(request({ events: [odd, { leaf: '{"second":1}', body: '' }] }))
    expect(await db.admin`select leaf from log.entry where position >= ${String(firstPosition)} order by position`).toEqual([
      { leaf: odd.leaf },
      { leaf: '{"second":1}' },
    ])
    expect(await db.admin`select position, body from log.body where position >= ${String(firstPosition)}`).toEqual([
      { position: firstPosition, body: odd.body },
    ])
    expect(Math.abs(databaseMs - Date.now())).toBeLessThan(5_000)
  })

  test('puts a body into the partition of its month', async () => {
    const { firstPosition } = await append(request())
    const [row] = await db.admin`
      select tableoid::regclass::text as "partition", 'log.body_standard_' || to_char(at at time zone 'UTC', 'YYYY_MM') as expected
        from log.body where position = ${String(firstPosition)}`
    expect(row?.['partition']).toBe(row?.['expected'])
  })

  test.each([
    ['leaf', { leaf: '{"a":1}\n{"b":2}', body: '{}' }],
    ['body', { leaf: '{"a":1}', body: '{}\n{}' }],
    ['empty leaf', { leaf: '', body: '{}' }],
  ])('refuses the whole batch when a line break or nothing stands in the %s', async (_, bad) => {
    const before = await countRows(db.admin)
    await expect(append(request({ events: [bad] }))).rejects.toMatchObject({ code: '22023' })
    expect(await countRows(db.admin)).toEqual(before)
  })
})

describe('outcomes', () => {
  const cases: [name: string, outcome: AppendOutcome, make: () => Promise<Partial<AppendRequest>>][] = [
    ['an event that stands on nothing', 'appended', async () => ({})],
    ['an event of no tenant', 'appended', async () => ({ tenantId: null })],
    ['the current config epoch', 'appended', async () => ({ configEpoch: await epoch() })],
    ['an older config epoch', 'config_changed', async () => ({ configEpoch: (await epoch()) - 1 })],
    ['a config epoch of a tenant that is gone', 'config_changed', async () => ({ tenantId: randomUUID(), configEpoch: 1 })],
    ['a live account', 'appended', async () => account()],
    ['an unknown account', 'account_not_live', async () => ({ account: { id: randomUUID(), generation: 1 } })],
    ['an earlier generation', 'account_not_live', async () => account('generation = 2')],
    ['a later generation', 'account_not_live', async () => account('generation = 0')],
    ['a revoked account', 'account_not_live', async () => account("state = 'r'")],
    ['a completed account', 'account_not_live', async () => account("state = 'm'")],
    ['a claimed account', 'account_not_live', async () => account("state = 'c'")],
    ['an account past its deadline', 'account_not_live', async () => account("deadline = now() - interval '1 ms'")],
    [
      'a token that would outlive its account',
      'account_not_live',
      async () => ({ ...(await account("deadline = now() + interval '60 s'")), untilSeconds: inSeconds(90) }),
    ],
    [
      'another tenant’s account',
      'account_not_live',
      async () => {
        const other = await createTenant(db.admin)
        return { account: { id: (await createAccounts(db.admin, other, 1))[0]!, generation: 1 } }
      },
    ],
  ]

  test.each(cases)('%s: %s', async (_, outcome, make) => {
    const wanted = request(await make())
    const before = await countRows(db.admin)
    const answer = await append(wanted)
    expect(answer.outcomes).toEqual([outcome])
    expect((await countRows(db.admin)).leaves - before.leaves).toBe(outcome === 'appended' ? 1 : 0)
    expect(await countRows(db.admin)).toMatchObject({ accounts: before.accounts })
  })

  const epoch = async (): Promise<number> => {
    await db.admin`update mayfly.tenant set config_epoch = config_epoch + 1 where id = ${tenantId}`
    const [row] = await db.admin`select config_epoch::int as epoch from mayfly.tenant where id = ${tenantId}`
    return row!['epoch'] as number
  }

  const account = async (change?: string): Promise<Partial<AppendRequest>> => {
    const [id] = await createAccounts(db.admin, tenantId, 1)
    if (change) await db.admin.unsafe(`update mayfly.account set ${change} where id = '${id}'`)
    return { account: { id: id!, generation: 1 } }
  }
})

describe('what a request brings', () => {
  test('of two openings of one task in a batch the first wins, and the other leaves no trace', async () => {
    const before = await countRows(db.admin)
    const opening = makeOpening(tenantId)
    const first = request({ opening, events: [event({ who: 'first' }), event()] })
    const second = request({
      opening: makeOpening(tenantId, { task_key: opening.task_key }),
      events: [event({ who: 'second' }), event()],
      pin: makePin(),
      subjectKey: makeSubjectKey(tenantId),
    })
    expect((await append(first, second)).outcomes).toEqual(['appended', 'account_exists'])
    expect(await countRows(db.admin)).toEqual({
      ...before,
      leaves: before.leaves + 2,
      bodies: before.bodies + 2,
      size: before.size + 2,
      accounts: before.accounts + 1,
    })
    const [row] =
      await db.admin`select id, state::text, generation, task_id, claim_hash from mayfly.account where task_key = ${opening.task_key}`
    expect(row).toEqual({
      id: opening.id,
      state: 'a',
      generation: 1,
      task_id: 'task-1',
      claim_hash: Buffer.from(opening.claim_hash!, 'hex'),
    })
  })

  test('a task that was opened before cannot be opened again, also after its account ended', async () => {
    const opening = makeOpening(tenantId)
    expect((await append(request({ opening }))).outcomes).toEqual(['appended'])
    const again = request({ opening: makeOpening(tenantId, { task_key: opening.task_key }) })
    expect((await append(again)).outcomes).toEqual(['account_exists'])
    await db.admin`update mayfly.account set state = 'e' where id = ${opening.id}`
    expect((await append(again)).outcomes).toEqual(['account_exists'])
  })

  test('whoever opens a task anew is told of the account that it has, as a look-up would tell', async () => {
    const opening = makeOpening(tenantId, { opening_key: sha256Hex('key') })
    expect((await append(request({ opening }))).existing).toEqual([])
    const again = request({ opening: makeOpening(tenantId, { task_key: opening.task_key }) })
    const other = request({ opening: makeOpening(tenantId) })
    const { existing } = await append(other, again)
    expect(existing).toEqual([
      ...(await readAccounts(db.database.sql, [], [{ tenantId: opening.tenant, name: opening.task_key }])),
    ])
    expect(existing).toMatchObject([{ id: opening.id, openingKey: opening.opening_key }])
  })

  test('a subject token belongs to the first key that used it, in the same batch and in later ones', async () => {
    const pin = makePin()
    const thief = { ...pin, key: sha256Hex('thief') }
    expect((await append(request({ pin }), request({ pin: thief }), request({ pin }))).outcomes).toEqual([
      'appended',
      'subject_token_pinned',
      'appended',
    ])
    expect((await append(request({ pin: thief }))).outcomes).toEqual(['subject_token_pinned'])
    expect((await append(request({ pin: { ...pin, key: '' } }))).outcomes).toEqual(['subject_token_pinned'])
    expect((await append(request({ pin }))).outcomes).toEqual(['appended'])
  })

  test('a subject token first used without a key does not come to belong to one', async () => {
    const pin = makePin({ key: '' })
    expect((await append(request({ pin }))).outcomes).toEqual(['appended'])
    expect((await append(request({ pin: { ...pin, key: sha256Hex('later') } }))).outcomes).toEqual(['subject_token_pinned'])
  })

  test('a subject has one key: the first that was stored, in the same batch and in later ones', async () => {
    const subjectKey = makeSubjectKey(tenantId)
    const other = makeSubjectKey(tenantId, { subject: subjectKey.subject })
    expect((await append(request({ subjectKey }), request({ subjectKey: other }), request({ subjectKey }))).outcomes).toEqual([
      'appended',
      'subject_key_exists',
      'appended',
    ])
    expect((await append(request({ subjectKey: other }))).outcomes).toEqual(['subject_key_exists'])
    const elsewhere = makeSubjectKey(await createTenant(db.admin), { subject: subjectKey.subject })
    expect((await append(request({ subjectKey: elsewhere }))).outcomes).toEqual(['appended'])
  })

  test('a refused request writes nothing: neither leaf nor account, pin or key', async () => {
    const pin = makePin()
    const taken = makeOpening(tenantId)
    const subjectKey = makeSubjectKey(tenantId)
    await append(request({ pin }), request({ opening: taken }), request({ subjectKey }))
    const before = await countRows(db.admin)
    const bring = () => ({
      opening: makeOpening(tenantId),
      pin: makePin(),
      subjectKey: makeSubjectKey(tenantId),
      events: [event(), event()],
    })
    const { outcomes } = await append(
      request({ ...bring(), configEpoch: -1 }),
      request({ ...bring(), account: { id: randomUUID(), generation: 1 } }),
      request({ ...bring(), opening: { ...makeOpening(tenantId), task_key: taken.task_key } }),
      request({ ...bring(), pin: { ...pin, key: sha256Hex('other') } }),
      request({ ...bring(), subjectKey: makeSubjectKey(tenantId, { subject: subjectKey.subject }) }),
    )
    expect(outcomes).toEqual([
      'config_changed',
      'account_not_live',
      'account_exists',
      'subject_token_pinned',
      'subject_key_exists',
    ])
    expect(await countRows(db.admin)).toEqual(before)
  })
})
