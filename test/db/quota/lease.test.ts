import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUuid } from '#core/ids/id.ts'
import { type LeaseRow, leaseQuota } from '#db/quota/lease.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 })
})
afterAll(() => db.close())

const tenantId = newUuid(Date.now())
const ask = (changes: Partial<LeaseRow> = {}): LeaseRow => ({
  tenantId,
  scope: newUuid(Date.now()),
  code: 'T',
  windowSeconds: 0,
  limit: 100,
  least: 1,
  wanted: 1,
  givenBack: 0,
  opening: 0,
  ...changes,
})
const lease = async (changes: Partial<LeaseRow>) => (await leaseQuota(db.database.sql, [ask(changes)]))[0]!

describe('leasing', () => {
  test('gives all who ask at the same time no more than the limit together', async () => {
    const scope = newUuid(Date.now())
    const leases = await Promise.all(Array.from({ length: 60 }, (_, i) => lease({ scope, least: 1 + (i % 5), wanted: 7 })))
    expect(leases.reduce((sum, { granted }) => sum + granted, 0)).toBe(100)
    expect(Math.max(...leases.map(({ used }) => used))).toBe(100)
  })

  test('gives a quarter of what is left at most, and what is waited for', async () => {
    const scope = newUuid(Date.now())
    expect(await lease({ scope, least: 0, wanted: 80 })).toMatchObject({ granted: 25, used: 25 })
    expect(await lease({ scope, least: 40, wanted: 80 })).toMatchObject({ granted: 40, used: 65 })
    expect(await lease({ scope, least: 40, wanted: 80 })).toMatchObject({ granted: 35, used: 100 })
    expect(await lease({ scope })).toMatchObject({ granted: 0, used: 100 })
  })

  test('takes units back, and gives them to the next', async () => {
    const scope = newUuid(Date.now())
    await lease({ scope, least: 100 })
    await lease({ scope, least: 0, wanted: 0, givenBack: 30 })
    expect(await lease({ scope, least: 50 })).toMatchObject({ granted: 30, used: 100 })
  })

  test('counts what the opener holds as used when nobody leased before', async () => {
    expect(await lease({ least: 100, opening: 16 })).toMatchObject({ granted: 84, used: 100, endsMs: null })
  })

  test('starts anew with each window, on the clock of the database', async () => {
    const scope = newUuid(Date.now())
    const first = await lease({ scope, code: 't', windowSeconds: 1, least: 100 })
    expect(first.granted).toBe(100)
    expect(first.endsMs! - first.atMs).toBeLessThanOrEqual(1_000)
    await expect
      .poll(async () => (await lease({ scope, code: 't', windowSeconds: 1, least: 1 })).granted, { timeout: 3_000 })
      .toBe(1)
  })

  test('answers each of a batch in its place, also two of the same limit', async () => {
    const [one, two] = [newUuid(Date.now()), newUuid(Date.now())]
    const rows = [ask({ scope: two, least: 2 }), ask({ scope: one, least: 3 }), ask({ scope: two, least: 99 })]
    const leases = await leaseQuota(db.database.sql, rows)
    expect(leases.map(({ granted }) => granted)).toEqual([2, 3, 98])
  })

  test('is the only way to the rows for the runtime role', async () => {
    const { sql } = db.database
    await expect(sql`update mayfly.quota set used = 0`).rejects.toThrow(/permission denied/)
    await expect(sql`insert into mayfly.quota values (${tenantId}, ${tenantId}, 't', 0, now())`).rejects.toThrow(
      /permission denied/,
    )
  })
})
