import { createPrivateKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { makeLogKey } from '#core/tlog/log-keys.ts'
import { formatVerifierKey, verifierKeyOf } from '#core/tlog/note.ts'
import { keepCheckpoint, readLogHead, reportSealer } from '#db/log/seal.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const use = useBroker()
/** A machine that is busy with other tests may need a second try. */
const issued = (task: string) => expect.poll(async () => (await token(task)).status, { timeout: 20_000 }).toBe(200)
const token = (task: string) => use.running.token(use.running.form({ task_id: task }), use.running.certificate)
const status = async () => (await use.running.v1('GET', '/v1/log/status')).body

test('beyond ten minutes without a seal no tokens are issued, until the log is sealed again; a deployment without a sealer is let alone', async () => {
  const { running, database } = use
  const { sql } = database.database
  const { sealWatch } = running.broker.deps
  await issued('a')
  expect(await status()).toEqual({ state: 'off', tokens_refused: false })

  const head = await readLogHead(sql)
  const origin = `localhost/log/${head.shard}`
  const verifierKey = formatVerifierKey(verifierKeyOf(origin, 1, createPrivateKey(makeLogKey())))
  await reportSealer(sql, { shard: head.shard, origin, verifierKey, fault: undefined, witnesses: [] })
  await sealWatch.look()
  await issued('b')
  expect(await status()).toMatchObject({ state: 'sealed', sealed: 0, verifier_key: verifierKey, tokens_refused: false })

  // As if the first entry stood there for eleven minutes.
  const age = async (minutes: number): Promise<void> => {
    await database.admin.begin(async trx => {
      await trx`set local session_replication_role = 'replica'`
      await trx`update log.entry set leaf = regexp_replace(leaf, '"time":[0-9]+', '"time":' || (extract(epoch from now()) * 1000 - ${minutes} * 60000)::bigint)
        where position = 0`
    })
    await sealWatch.look()
  }
  await age(9)
  await issued('c')
  expect(await status()).toMatchObject({ state: 'behind', tokens_refused: false })
  await age(11)
  const refused = await token('d')
  expect(refused.status).toBe(503)
  expect(refused.body).toMatchObject({ error: 'temporarily_unavailable' })
  expect(await status()).toMatchObject({ state: 'behind', tokens_refused: true })
  expect(running.broker.deps.heartbeat.faults()).toEqual([])

  const { shard, size } = await readLogHead(sql)
  const next = { shard, size, root: Buffer.alloc(32), note: 'note', origin, verifierKey }
  expect(await keepCheckpoint(sql, 0, next)).toBe('kept')
  expect(await keepCheckpoint(sql, 0, { ...next, size: size - 1 })).toBe('raced')
  expect(await keepCheckpoint(sql, size, { ...next, size: size + 1_000 })).toBe('short')
  await sealWatch.look()
  await issued('e')
})

test('why the log is not sealed, and what its witnesses said, is for platform operators; a tenant is told only that it has a fault', async () => {
  const { running, database } = use
  const { sql } = database.database
  const { shard } = await readLogHead(sql)
  const origin = `localhost/log/${shard}`
  const verifierKey = formatVerifierKey(verifierKeyOf(origin, 1, createPrivateKey(makeLogKey())))
  const fault = '20 entries are sealed, the database has 15'
  const witnesses = [{ name: 'witness.example/w1', size: 3, fault: 'it cannot be reached (ECONNREFUSED)' }]
  await reportSealer(sql, { shard, origin, verifierKey, fault, witnesses })
  const own = await status()
  expect(own).toMatchObject({ state: 'refused', witnesses: [{ name: 'witness.example/w1', size: 3 }] })
  expect(JSON.stringify(own)).not.toMatch(/fault|entries|ECONN/)
  const { body } = await running.v1('GET', '/v1/log/status', undefined, running.platformToken)
  expect(body).toMatchObject({ state: 'refused', fault, witnesses })
})
