// An erasure and a legal hold at the same moment: what was held first is not erased.

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { prepareEvent } from '#core/audit/event.ts'
import { parseId } from '#core/ids/id.ts'
import { destroySubjectKeys, insertErasure } from '#db/erasure/erasures.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const at = useBroker()
const tenant = () => parseId('tenant', at.running.ids.tenant)!
let key: string

beforeEach(async () => {
  key = randomUUID()
  await at.database.admin`insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
    values (${key}, ${tenant()}, sha256(${key}::text::bytea), 'x', 'k')`
})
afterEach(() => at.database.admin`update mayfly.legal_hold set lifted_at = now() where lifted_at is null`)

const keys = async () => (await at.database.admin`select from mayfly.subject_key where id = ${key}`).length
const isAnybodyWaiting = async () => (await at.database.admin`select from pg_locks where not granted`).length > 0
const hold = (sql = at.database.admin) => sql`insert into mayfly.legal_hold (id, tenant_id, kind, matter, placed_by)
  values (${randomUUID()}, ${tenant()}, 'tenant', 'case', ${randomUUID()})`

/** An erasure that a tenant, or the deployment, orders; `before` runs when its row is there. */
async function destroy(
  tenantId: string | null,
  isolation: 'read committed' | 'repeatable read',
  before?: () => Promise<unknown>,
) {
  const id = randomUUID()
  const facts = { by: 'restore', erasure: `ers_${id.replaceAll('-', '')}`, keys: 1, people: 0 } as const
  const event = prepareEvent({ type: 'subject.erased', tenantId, facts }, Date.now())
  const rows = at.database.database.db.forTenant(tenantId)
  await rows
    .transaction()
    .setIsolationLevel(isolation)
    .execute(async trx => {
      const row = { id, tenantId, keyIds: [key], personIds: [], replayed: false }
      await insertErasure(trx, { ...row, sealed: null, sealedUnder: null, sealedStep: null })
      await before?.()
      await destroySubjectKeys(trx, id, event)
    })
}

test.each(['the tenant', 'the deployment'])(
  'no key is destroyed under a hold that is being placed, when %s orders it',
  async by => {
    const seen = vi.fn()
    let destroyed: Promise<void> | undefined
    await at.database.admin.begin(async trx => {
      // As a hold is placed.
      await trx`select from mayfly.tenant where id = ${tenant()} for no key update`
      await hold(trx as never)
      destroyed = destroy(by === 'the tenant' ? tenant() : null, 'read committed').finally(seen)
      destroyed.catch(() => undefined)
      await vi.waitFor(async () => expect(seen.mock.calls.length > 0 || (await isAnybodyWaiting())).toBe(true), {
        timeout: 5_000,
      })
    })
    await expect(destroyed).rejects.toMatchObject({ code: '55006' })
    expect(await keys()).toBe(1)
  },
)

test('a snapshot of before the hold destroys no key', async () => {
  await expect(destroy(tenant(), 'repeatable read', hold)).rejects.toMatchObject({ code: '25000' })
  expect(await keys()).toBe(1)
  await at.database.admin`update mayfly.legal_hold set lifted_at = now()`
  await destroy(tenant(), 'read committed')
  expect(await keys()).toBe(0)
})
