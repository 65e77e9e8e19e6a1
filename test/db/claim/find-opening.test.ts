// The event of an opening is found by halving, in a log of any length.

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

const tenant = '0198c0ff-ee00-7000-8000-000000000001'
let here: TestDatabase
beforeAll(async () => {
  here = await createTestDatabase()
})
afterAll(() => here.close())

/** Fills the log with commits of `each` events, a millisecond apart; the last event of every commit opens an account. */
async function fill(commits: number, each: number): Promise<void> {
  await here.admin`alter table log.entry disable trigger all`
  await here.admin`
    insert into log.entry (position, leaf)
      select n, jsonb_build_object('type', case when n % ${each} = ${each} - 1 then 'account.opened' else 'token.issued' end,
                                   'account', lpad(to_hex(n), 32, '0')::uuid, 'tenant', ${tenant}::text)::text
        from generate_series(0, ${commits * each - 1}) n`
  await here.admin`
    insert into log.body (position, retention, at, body)
      select n, 1, clock_timestamp() - interval '10 minutes' + make_interval(secs => (n / ${each}) * 0.001), n::text
        from generate_series(0, ${commits * each - 1}) n`
  await here.admin`update log.head set size = ${commits * each}`
}

const uuidOf = (n: number): string =>
  n
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

/** The body of the opening of the account that `position` names, looked for at the time of `at`, in a tenant. */
async function find(tenantId: string, position: number, at = position): Promise<string | null> {
  const [time] = await here.admin<{ at: Date }[]>`select at::text from log.body where position = ${at}`
  const { rows } = await sql<{ body: string | null }>`
    select log.find_opening(${uuidOf(position)}::uuid, ${time!.at}::timestamptz) as body`.execute(
    here.database.db.forTenant(tenantId),
  )
  return rows[0]!.body
}

describe('the opening of an account', () => {
  test('is found wherever it stands, by its time and its account, in its own tenant only', async () => {
    const [commits, each] = [800, 64]
    await fill(commits, each)
    for (const commit of [0, 1, 3, 7, 399, 400, 798, 799]) {
      const position = commit * each + each - 1
      expect(await find(tenant, position)).toBe(String(position))
      expect(await find('0198c0ff-ee00-7000-8000-000000000002', position)).toBeNull()
    }
    expect(await find(tenant, 799 * each + 5)).toBeNull()
  })

  test('is found by the projection where bodies of others have gone and times no longer lead to it', async () => {
    const [position, each] = [100 * 64 + 63, 64]
    const [time] = await here.admin<{ at: Date }[]>`select at::text from log.body where position = ${position}`
    await here.admin`set session_replication_role = 'replica'`
    await here.admin`delete from log.body where position <> ${position} and position between ${99 * each} and ${700 * each}`
    await here.admin`insert into log.event (position, at, account_id, tenant_id, type)
      values (${position}, ${time!.at}::timestamptz, ${uuidOf(position)}, ${tenant}, 'account.opened')`
    await here.admin`set session_replication_role = 'origin'`
    expect(await find(tenant, position)).toBe(String(position))
    expect(await find('0198c0ff-ee00-7000-8000-000000000002', position)).toBeNull()
  })
})
