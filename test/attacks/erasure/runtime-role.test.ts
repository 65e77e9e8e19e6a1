// No subject's key is destroyed without the event that tells of it, whoever asks the database for it.

import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareEvent } from '#core/audit/event.ts'
import { parseId } from '#core/ids/id.ts'
import { destroySubjectKeys, insertErasure } from '#db/erasure/erasures.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const at = useBroker()
const tenantId = () => parseId('tenant', at.running.ids.tenant)!

beforeAll(async () => {
  const { running } = at
  expect((await running.token(running.form({ task_id: 'known' }), running.certificate)).status).toBe(200)
})

describe('whoever holds the runtime role', () => {
  const destroy = async (change: (leaf: string, body: string) => readonly [string, string]) => {
    const { db } = at.database.database
    const id = randomUUID()
    const [key] = await at.database.admin<
      { id: string }[]
    >`select id from mayfly.subject_key where tenant_id = ${tenantId()} limit 1`
    const facts = { by: 'restore', erasure: `ers_${id.replaceAll('-', '')}`, keys: 1, people: 0 } as const
    const { leaf, body } = prepareEvent({ type: 'subject.erased', tenantId: tenantId(), facts }, Date.now())
    const [itsLeaf, itsBody] = change(leaf, body)
    await db
      .forTenant(tenantId())
      .transaction()
      .execute(async trx => {
        const row = { id, tenantId: tenantId(), keyIds: [key!.id], personIds: [], replayed: false }
        await insertErasure(trx, { ...row, sealed: null, sealedUnder: null, sealedStep: null })
        await destroySubjectKeys(trx, id, { leaf: itsLeaf, body: itsBody })
      })
    return { id, key: key!.id }
  }

  test('destroys no key without the event that tells of it', async () => {
    const other = prepareEvent(
      { type: 'subject.erased', tenantId: null, facts: { by: 'restore', erasure: 'x', keys: 1, people: 0 } },
      1,
    )
    const wrong: readonly (readonly [string, (leaf: string, body: string) => readonly [string, string]])[] = [
      ['none', () => ['', '']],
      ['another erasure’s', () => [other.leaf, other.body]],
      ['of another type', (leaf, body) => [leaf.replace('subject.erased', 'account.opened'), body]],
      ['with another body', (leaf, body) => [leaf, body.replace('"keys":1', '"keys":0')]],
      ['of another tenant', (leaf, body) => [leaf.replace(tenantId(), randomUUID()), body]],
      ['without salt', (leaf, body) => [leaf.replace(/"salt":"[^"]*"/, '"salt":""'), body]],
    ]
    const count = async () => Number((await at.database.admin`select count(*) as n from mayfly.subject_key`)[0]!['n'])
    const before = await count()
    for (const [how, change] of wrong) await expect(destroy(change), how).rejects.toThrow()
    expect(await count()).toBe(before)
    const { id, key } = await destroy((leaf, body) => [leaf, body])
    expect(await count()).toBe(before - 1)
    const last = (await readLog(at.database.admin)).filter(({ leaf }) => leaf.type === 'subject.erased').at(-1)!
    expect(last.body).toMatchObject({ erasure: `ers_${id.replaceAll('-', '')}`, keys: 1 })
    expect(key).toBeDefined()
  })

  test('neither deletes a key nor writes over it', async () => {
    const { sql } = at.database.database
    await expect(sql`delete from mayfly.subject_key`).rejects.toMatchObject({ code: '42501' })
    await expect(sql`update mayfly.subject_key set key_sealed = 'x'`).rejects.toMatchObject({ code: '42501' })
    await expect(sql`select log.forget_bodies(${randomUUID()}, 1, 1)`).rejects.toThrow()
  })
})
