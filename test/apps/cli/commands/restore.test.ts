import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { settleRestore } from '#apps/process/startup-guard.ts'
import { parseId } from '#core/ids/id.ts'
import { createOperator } from '#core/operators/operator-tokens.ts'
import type { OperatorRole } from '#core/operators/principal.ts'
import { beginRestore } from '#core/restore/begin-restore.ts'
import { readLogHead } from '#db/log/seal.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()

async function operator(role: OperatorRole): Promise<string> {
  const tenantId = parseId('tenant', broker.running.ids.tenant)!
  const input = { name: randomUUID(), role, tenantId, ttlSeconds: 600 }
  const { secret } = await broker.database.database.db
    .forTenant(tenantId)
    .transaction()
    .execute(trx => createOperator(trx, undefined, input, Date.now()))
  return secret
}
const mayfly = async (token: string, ...words: string[]) => person.mayfly(words, { env: environmentOf(broker, person, token) })
const issue = (task_id: string) => broker.running.token(broker.running.form({ task_id }), broker.running.certificate)

test('mayfly restore shows what waits, and lets go on what is named: trust sources, agents, an agent’s accounts', async () => {
  const { running, database } = broker
  expect((await mayfly(running.operatorToken, 'restore', 'status')).out).toContain('No backup was ever restored.')
  expect((await mayfly(running.operatorToken, 'restore', 'reconcile', '--all', '--yes')).err).toContain('Nothing waits.')
  const { account_id: account } = (await issue('kept')).body
  const { sql, db } = database.database
  await beginRestore(
    { sql, db, baseUrl: running.issuer },
    { shard: (await readLogHead(sql)).shard, sealed: undefined, by: 'operator' },
  )
  await settleRestore(running.config, createLogger('test', 'silent'))
  expect((await mayfly(running.operatorToken, 'restore', 'status')).code).not.toBe(0)

  const admin = await operator('tenant-admin')
  const status = await mayfly(admin, 'restore', 'status')
  expect(status.out).toMatch(/Waiting: \d+ trust sources, \d+ agents, 1 accounts\./)
  expect(status.out).toContain(running.ids.agent)
  expect((await mayfly(admin, 'account', 'list', '--state', 'held')).out).toContain(account)
  expect((await mayfly(admin, 'restore', 'reconcile')).err).toContain('Nothing that waits was named.')
  expect((await mayfly(admin, 'restore', 'reconcile', '--agent', 'nobody', '--yes')).err).toContain(
    'No agent called nobody waits.',
  )
  expect((await mayfly(admin, 'restore', 'reconcile', '--all')).err).toContain('It asks first')

  const one = await mayfly(
    admin,
    'restore',
    'reconcile',
    '--agent',
    running.ids.agent,
    '--accounts-of',
    running.ids.agent,
    '--yes',
    '--json',
  )
  expect(JSON.parse(one.out)).toEqual({ trust_sources: 0, agents: 1, accounts: 1 })
  expect((await issue('kept')).status).toBe(400)
  expect(JSON.parse((await mayfly(admin, 'restore', 'reconcile', '--all', '--yes', '--json')).out)).toMatchObject({ accounts: 0 })
  await vi.waitFor(async () => expect((await issue('kept')).body).toMatchObject({ account_id: account }), 10_000)
  const done = JSON.parse((await mayfly(admin, 'restore', 'status', '--json')).out)
  expect(done).toMatchObject({ held: { agents: 0, trust_sources: 0, accounts: 0 }, forks: [{ finished: true }] })
  expect((await mayfly(admin, 'account', 'reinstate', account)).code).toBe(0)
})

test('an auditor sees what waits and lets nothing go on', async () => {
  const auditor = await operator('auditor')
  expect((await mayfly(auditor, 'restore', 'status', '--json')).code).toBe(0)
  const answer = await broker.running.v1('POST', `/v1/accounts/acct_${'0'.repeat(32)}/reinstate`, undefined, auditor)
  expect(answer.status).toBe(403)
  const unknown = await broker.running.v1(
    'POST',
    `/v1/accounts/acct_${'0'.repeat(32)}/reinstate`,
    undefined,
    await operator('tenant-admin'),
  )
  expect(unknown.status).toBe(404)
  expect((await broker.running.v1('GET', '/v1/restore', undefined, 'mfo_nobody')).status).toBe(401)
})
