import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkSealedKeys } from '#apps/process/key-settings.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { orderRewrap, readRewrapStatus, rewrapKeys } from '#core/keys/rewrap.ts'
import { openSigningKey } from '#core/keys/signing-key.ts'
import { createTenant, createTenantKeys } from '#core/registry/tenants.ts'
import { sealedTables } from '#db/keys/sealed-rows.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { readLog } from '#test/setup/log-reader.ts'

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)]
const before = new LocalKeyEncryption(oldKey)
const both = new LocalKeyEncryption(newKey, [oldKey])
const after = new LocalKeyEncryption(newKey)
const subjects = 1_203

let here: TestDatabase
let tenantId: string
const secrets = new Map<string, Buffer>()
beforeEach(async () => {
  here = await createTestDatabase()
  tenantId = newUuid()
  const keys = await createTenantKeys(before, tenantId, Date.now())
  await here.database.db
    .forTenant(null)
    .transaction()
    .execute(trx => createTenant(trx, undefined, { id: tenantId, slug: 'acme', name: 'Acme', isFirst: true, keys }, Date.now()))
  secrets.clear()
  for (let i = 0; i < subjects; i++) secrets.set(newUuid(), randomBytes(32))
  const rows = await Promise.all(
    [...secrets].map(async ([id, secret]) => ({
      id,
      tenant_id: tenantId,
      subject_hash: randomBytes(32),
      key_sealed: await before.seal(secret, { tenantId, purpose: 'subject-key', rowId: id }),
      kek_id: before.keyId,
    })),
  )
  await here.admin`insert into mayfly.subject_key ${here.admin(rows)}`
})
afterEach(() => here.close())

const db = () => here.database.db
const order = (encryption = both) =>
  db()
    .forTenant(null)
    .transaction()
    .execute(trx => orderRewrap(trx, encryption, { actor: formatId('credential', newUuid()) }, Date.now()))
const status = (encryption = both) => readRewrapStatus(db(), encryption)
const rewrap = (failpoint?: (moment: string) => void, encryption = both) =>
  rewrapKeys({ db: db(), keyEncryption: encryption, failpoint }, Date.now())
const rewrapEvents = async () => (await readLog(here.admin)).filter(({ leaf }) => leaf.type === 'keys.rewrapped')

async function expectAllOpen(encryption: LocalKeyEncryption): Promise<void> {
  const rows = await here.admin`select id, key_sealed, kek_id from mayfly.subject_key`
  expect(rows).toHaveLength(subjects)
  for (const { id, key_sealed, kek_id } of rows)
    expect(await encryption.open(key_sealed, kek_id, { tenantId, purpose: 'subject-key', rowId: id })).toEqual(secrets.get(id))
  for (const row of await here.admin`select * from mayfly.signing_key`) {
    const { id, kid, alg, public_jwk, private_sealed, kek_id } = row as never as Record<string, never>
    const stored = {
      id: id!,
      tenantId,
      kid: kid!,
      alg: alg!,
      publicJwk: public_jwk!,
      privateSealed: private_sealed!,
      kekId: kek_id!,
    }
    await openSigningKey(encryption, stored)
  }
}

test('every table that names a key-encryption key is sealed anew', async () => {
  const found = await here.admin<{ name: string }[]>`
    select table_schema || '.' || table_name as name from information_schema.columns
     where column_name = 'kek_id' and table_name <> 'key_rewrap' order by 1`
  expect(found.map(({ name }) => name)).toEqual(sealedTables.map(({ table }) => table as string).sort())
})

describe('sealing anew', () => {
  test('opens everything under the new key alone, changes no key, and shows how far it is', async () => {
    expect(await status()).toMatchObject({ state: 'idle', remaining: subjects + 2 })
    expect(await rewrap()).toMatchObject({ outcome: 'none' })
    expect(await order()).toBe(true)
    expect(await status()).toMatchObject({ state: 'running', remaining: subjects + 2 })
    expect(await rewrap()).toEqual({ outcome: 'finished', rewrapped: subjects + 2, failures: [] })
    expect(await status(after)).toMatchObject({ state: 'finished', remaining: 0, order: { rewrapped: BigInt(subjects + 2) } })
    await expectAllOpen(after)
    // At most 500 in a transaction, one event each.
    const counts = (await rewrapEvents()).map(({ body }) => body.count)
    expect(counts).toEqual([2, 500, 500, 203])
  })

  test('raises no config epoch: no decision reads an envelope', async () => {
    const epoch = async () => (await here.admin`select config_epoch from mayfly.tenant`)[0]!['config_epoch']
    const first = await epoch()
    await order()
    await rewrap()
    expect(await epoch()).toBe(first)
  })

  test.each(['batch-uncommitted', 'batch-committed'])('that dies at %s goes on where it was', async moment => {
    await order()
    let batches = 0
    const die = (at: string): void => {
      if (at === moment && ++batches === 3) throw new Error('killed')
    }
    await expect(rewrap(die)).rejects.toThrow('killed')
    const left = (await status()).remaining
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(subjects + 2)
    await expectAllOpen(both)
    expect(await rewrap()).toMatchObject({ outcome: 'finished', rewrapped: left })
    await expectAllOpen(after)
  })

  test('by two workers at once seals each row once', async () => {
    await order()
    const rounds = await Promise.all([rewrap(), rewrap()])
    expect(rounds.reduce((sum, { rewrapped }) => sum + rewrapped, 0)).toBe(subjects + 2)
    await expectAllOpen(after)
  })

  test('waits for a worker whose current key is the one that was ordered', async () => {
    await order()
    expect(await rewrap(undefined, before)).toMatchObject({ outcome: 'other_key', rewrapped: 0 })
  })

  test('of a row that does not open leaves it, says which, and does not call itself finished', async () => {
    const [first] = [...secrets.keys()]
    await here.admin`update mayfly.subject_key set key_sealed = ${randomBytes(60)} where id = ${first!}`
    await order()
    const round = await rewrap()
    expect(round).toMatchObject({
      outcome: 'unfinished',
      rewrapped: subjects + 1,
      failures: [{ table: 'mayfly.subject_key', id: first }],
    })
    expect(await status()).toMatchObject({ state: 'running', remaining: 1 })
  })

  test('is ordered again for what an old process sealed behind its back', async () => {
    await order()
    await rewrap()
    const id = newUuid()
    const sealed = await before.seal(randomBytes(32), { tenantId, purpose: 'subject-key', rowId: id })
    await here.admin`insert into mayfly.subject_key values (${id}, ${tenantId}, ${randomBytes(32)}, ${sealed}, ${before.keyId})`
    expect(await status()).toMatchObject({ state: 'idle', remaining: 1 })
    expect(await order()).toBe(true)
    expect(await rewrap()).toMatchObject({ outcome: 'finished', rewrapped: 1 })
  })
})

describe('a process that starts', () => {
  test('without a key that something is sealed under does not, and says under which, and how much', async () => {
    const failure = await checkSealedKeys(db(), after).catch(error => error)
    expect(failure.hint).toContain(`${before.keyId}: 2 signing keys, ${subjects} subject keys`)
    expect(failure.hint).toContain('MAYFLY_KEK_PREVIOUS')
  })

  test('with both starts, and with the new one alone once everything is sealed anew', async () => {
    await checkSealedKeys(db(), both)
    await order()
    await rewrap()
    await checkSealedKeys(db(), after)
    await expect(checkSealedKeys(db(), before)).rejects.toMatchObject({ code: 'internal' })
  })
})
