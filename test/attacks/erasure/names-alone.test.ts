// Names that stand for no subject are forgotten again after a restore, and the ledger names nobody.

import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { readLedger } from '#core/audit/erasure/ledger.ts'
import { openLedgerKey } from '#core/audit/erasure/ledger-key.ts'
import { replayErasures } from '#core/audit/erasure/replay.ts'
import { sweepErasures } from '#core/audit/erasure/sweep.ts'
import { parseId } from '#core/ids/id.ts'
import { createMemoryStore } from '#core/tlog/tile-store.ts'
import { findErasureKey } from '#db/erasure/erasure-key.ts'
import { dumpEverything } from '#test/setup/dump.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const at = useBroker()
const store = createMemoryStore()
const canaries = /canary.{0,10}xq7/i

const tenantId = () => parseId('tenant', at.running.ids.tenant)!
const sweep = () => sweepErasures({ db: at.database.database.db, ledger: store, graceSeconds: 0 }, Date.now())
const traces = async (): Promise<string[]> =>
  (await dumpEverything(at.database.admin)).split('\n').filter(line => canaries.test(line))
const ownedBy = (owner: string) => ({
  owner,
  review_on: '2099-01-01',
  rules: [{ trust_source: at.running.ids.openid, claims: { sub: `nobody-${randomUUID()}` } }],
  ceiling: { scope: 'orders:read' },
})

test('names alone are forgotten again, whichever of several erasures the backup is older than', async () => {
  const { admin, database } = at.database
  const { keyEncryption } = at.running.broker.deps
  const owned = async (owner: string) => {
    const made = await at.running.v1('POST', '/v1/agents', { ...ownedBy(owner), name: randomUUID() })
    expect(made.status, made.text).toBe(201)
    return parseId('agent', made.body.id)!
  }
  const eraseNames = async (...names: string[]) => {
    const done = await at.running.v1('POST', '/v1/erasures', { names })
    expect([done.status, done.body.agents_without_owner], done.text).toEqual([201, [expect.any(String)]])
  }
  const [old, one, other] = ['Canary Xq7 the Elder', 'Canary Xq7 Junior', 'Canary Xq7 the Third']
  await owned(old)
  await eraseNames(old)
  const agents = [await owned(one), await owned(other)]
  // The backup knows of the first erasure, and of neither of the two that follow.
  const backup = { key: await admin`select * from mayfly.erasure_key`, erasures: await admin`select id from mayfly.erasure` }
  const step = Number(backup.key[0]!['step'])
  await eraseNames(one)
  await eraseNames(other)
  await sweep()
  const { entries } = await readLedger(store)
  expect(entries.slice(-3).map(({ sealedStep }) => sealedStep)).toEqual([step - 1, step, step + 1])
  expect([...store.files.values()].join('')).not.toMatch(canaries)
  const database_of_today = await openLedgerKey(
    await findErasureKey(database.db.forTenant(tenantId())),
    keyEncryption,
    entries.at(-1) as { sealedUnder: string; sealedStep: number },
  )
  expect(database_of_today).toBeUndefined()
  const key = backup.key[0]!
  await admin`delete from mayfly.erasure where id <> all(${backup.erasures.map(({ id }) => id as string)})`
  await admin`update mayfly.erasure_key set step = ${key['step']}, key_sealed = ${key['key_sealed']} where id = ${key['id']}`
  await admin`update mayfly.agent set owner = ${one} where id = ${agents[0]!}`
  await admin`update mayfly.agent set owner = ${other} where id = ${agents[1]!}`
  expect(await replayErasures({ db: database.db, keyEncryption }, entries, Date.now())).toBe(2)
  expect(await traces()).toEqual([])
  const [after] = await admin`select step from mayfly.erasure_key where id = ${key['id']}`
  expect(after).toEqual({ step: step + 2 })
})
