// packages/client against a real broker: discovery, tokens, renewal in the account, the opening repeated after a lost answer.

import { decodeJwt } from 'jose'
import { afterEach, describe, expect, test } from 'vitest'
import { countAccounts, readLog } from '#test/setup/log-reader.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { createMayflyClient, type MayflyClient, type MayflyClientOptions, MayflyError } from '../../packages/client/src/index.ts'

const broker = useBroker()
const open: MayflyClient[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(client => client.close()))
})

function newClient(options: Partial<MayflyClientOptions> = {}): MayflyClient {
  const { running } = broker
  const { chainPem, keyPem } = running.certificate
  const client = createMayflyClient({
    ...(options.tokenEndpoint === undefined && { issuer: running.issuer }),
    certificate: { cert: chainPem, key: keyPem },
    ca: running.ca.certificatePem,
    subjectToken: () => running.mint(),
    ...options,
  })
  open.push(client)
  return client
}

const asked = { resource: resourceUri, scope: 'orders:read' }

test('finds the mTLS endpoint from the issuer alone and gets a bound token, with a claim_uri on opening', async () => {
  const value = await newClient()
    .taskToken({ ...asked, taskId: 'client-1' })
    .get()
  expect(value).toMatchObject({ tokenType: 'Bearer', taskId: 'client-1', scope: ['orders:read'] })
  expect(value.accountId).toMatch(/^acct_/)
  expect(value.claimUri).toMatch(/\/claim#mfc_/)
  expect(decodeJwt(value.accessToken)['cnf']).toHaveProperty('x5t#S256')
})

test('stays in its account through renewals, with a newer subject token each time', async () => {
  const token = newClient().taskToken({ ...asked, taskId: 'client-2' })
  const first = await token.get()
  token.drop()
  const second = await token.get()
  expect(second.accountId).toBe(first.accountId)
  expect(second.accessToken).not.toBe(first.accessToken)
  expect(second.claimUri).toBe(first.claimUri)
  const fresh = await newClient()
    .taskToken({ ...asked, accountId: first.accountId! })
    .get()
  expect(fresh.accountId).toBe(first.accountId)
  expect(fresh.claimUri).toBeUndefined()
})

test('refusals come as MayflyError with the broker’s code and description, and hold no token', async () => {
  const subjectToken = broker.running.mint()
  const client = newClient({ subjectToken })
  const refused = await client
    .taskToken({ ...asked, scope: 'orders:write', taskId: 'client-3' })
    .get()
    .catch(error => error)
  expect(refused).toBeInstanceOf(MayflyError)
  expect(refused).toMatchObject({ error: 'invalid_scope', status: 400 })
  expect(refused.message).not.toContain(subjectToken)
})

test('does not take another tenant’s metadata for its issuer’s', async () => {
  await createOtherTenant(broker.running, 'other')
  const client = newClient({ issuer: `${broker.running.issuer}/t/test` })
  await expect(client.taskToken(asked).get()).rejects.toMatchObject({ error: 'invalid_metadata' })
})

describe('the opening repeated under one Idempotency-Key', () => {
  const open = (key: string, task_id: string) =>
    broker.running.token(broker.running.form({ task_id }), broker.running.certificate, { 'idempotency-key': key })
  const secretOf = (uri: string) => new URL(uri).hash.slice(1)

  test('gives the same account, a new token and a fresh claim secret; the old secret is worth nothing', async () => {
    const accounts = await countAccounts(broker.database.admin)
    const first = await open('"the-same-key"', 'lost-answer')
    const second = await open('"the-same-key"', 'lost-answer')
    expect(second.body.account_id).toBe(first.body.account_id)
    expect(second.body.access_token).not.toBe(first.body.access_token)
    expect(second.body.claim_uri).toBeDefined()
    expect(secretOf(second.body.claim_uri)).not.toBe(secretOf(first.body.claim_uri))
    expect(await countAccounts(broker.database.admin)).toBe(accounts + 1)
    const [row] = await broker.database.admin<{ fresh: boolean; old: boolean }[]>`
      select claim_hash = sha256(${Buffer.from(secretOf(second.body.claim_uri))}) as fresh,
             claim_hash = sha256(${Buffer.from(secretOf(first.body.claim_uri))}) as old
        from mayfly.account where task_id = 'lost-answer'`
    expect(row).toEqual({ fresh: true, old: false })
    const types = (await readLog(broker.database.admin)).map(entry => entry.leaf.type)
    expect(types.filter(type => type === 'account.claim_secret_renewed')).toHaveLength(1)
  })

  test('under another key, or none, it gives the account without a claim secret', async () => {
    await open('"key-number-1"', 'other-key')
    expect((await open('"key-number-2"', 'other-key')).body).not.toHaveProperty('claim_uri')
    const none = await broker.running.token(broker.running.form({ task_id: 'other-key' }), broker.running.certificate)
    expect(none.body).not.toHaveProperty('claim_uri')
  })

  test('never restarts the account’s clock', async () => {
    const first = await open('"clock-key-1"', 'clock')
    await broker.database.admin`update mayfly.account set deadline = deadline - interval '10 minutes' where task_id = 'clock'`
    const deadline = async () =>
      (await broker.database.admin`select deadline from mayfly.account where task_id = 'clock'`)[0]!['deadline']
    const before = await deadline()
    expect((await open('"clock-key-1"', 'clock')).body.account_id).toBe(first.body.account_id)
    expect(await deadline()).toEqual(before)
  })

  test('at the same time, many repetitions open one account', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => open('"at-the-same-time"', 'together')))
    expect(answers.every(answer => answer.status === 200)).toBe(true)
    expect(new Set(answers.map(answer => answer.body.account_id)).size).toBe(1)
  })
})
