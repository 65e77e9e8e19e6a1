import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Executor } from '#db/unscoped-db.ts'
import { withTenant } from '#db/with-tenant.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  // One connection: whatever a transaction leaves behind, the next one gets.
  db = await createTestDatabase({ poolSize: 1 })
})
afterAll(() => db.close())

const [a, b] = [randomUUID(), randomUUID()]
const deployment = '00000000-0000-0000-0000-000000000000'

async function tenantOf(executor: Executor): Promise<string | null> {
  const { rows } = await sql<{
    tenant: string | null
  }>`select nullif(current_setting('mayfly.tenant', true), '') as tenant`.execute(executor)
  return rows[0]!.tenant
}

describe('a handle', () => {
  test('names its tenant in a single query and in a transaction', async () => {
    expect(await tenantOf(db.database.db.forTenant(a))).toBe(a)
    expect(await db.database.db.forTenant(b).transaction().execute(tenantOf)).toBe(b)
    expect(await tenantOf(db.database.db.forTenant(null))).toBe(deployment)
  })

  test('leaves no tenant on the connection, whether its work ends, fails in the database or throws', async () => {
    const handle = db.database.db.forTenant(a)
    await sql`select 1`.execute(handle)
    expect(await tenantOf(db.database.db)).toBeNull()
    await expect(sql`select 1 / 0`.execute(handle)).rejects.toThrow('division by zero')
    expect(await tenantOf(db.database.db)).toBeNull()
    const failing = handle.transaction().execute(async trx => {
      expect(await tenantOf(trx)).toBe(a)
      throw new Error('given up')
    })
    await expect(failing).rejects.toThrow('given up')
    expect(await tenantOf(db.database.db)).toBeNull()
    await expect(handle.transaction().execute(trx => sql`select 1 / 0`.execute(trx))).rejects.toThrow('division by zero')
    expect(await tenantOf(db.database.db)).toBeNull()
  })

  test('takes back a write whose statement failed', async () => {
    const handle = db.database.db.forTenant(a)
    await expect(
      sql`insert into log.pending (tenant_id, leaf, body) values (${a}, 'x', E'a\nb')`.execute(handle),
    ).rejects.toThrow()
    expect(await sql`select size::int as size from log.head`.execute(handle)).toMatchObject({ rows: [{ size: 0 }] })
  })

  test('refuses a tenant that is no uuid, so nothing else gets into the statement', () => {
    for (const wrong of ['', "'; select 1 --", `${a}'`, a.toUpperCase(), 'default'])
      expect(() => db.database.db.forTenant(wrong)).toThrow('named by its uuid')
  })

  test('begins a transaction in the mode that is asked for', async () => {
    const isolation = await db.database.db
      .forTenant(a)
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(trx =>
        sql<{ level: string; ro: string }>`
        select current_setting('transaction_isolation') as level, current_setting('transaction_read_only') as ro`.execute(trx),
      )
    expect(isolation.rows).toEqual([{ level: 'repeatable read', ro: 'on' }])
  })
})

describe('work in another tenant', () => {
  test('goes back to the first one, also when it throws and the caller goes on', async () => {
    await db.database.db
      .forTenant(null)
      .transaction()
      .execute(async trx => {
        expect(await withTenant(trx, a, () => tenantOf(trx))).toBe(a)
        expect(await tenantOf(trx)).toBe(deployment)
        const failing = withTenant(trx, b, async () => {
          throw new Error('given up')
        })
        await expect(failing).rejects.toThrow('given up')
        expect(await tenantOf(trx)).toBe(deployment)
      })
  })
})
