import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createHttpsClient } from '#apps/outbound/https.ts'
import { createOutbound } from '#apps/outbound/outbound.ts'
import { createLogger } from '#apps/process/logger.ts'
import { webhookHandler } from '#apps/worker/outside/handlers.ts'
import { createSender } from '#apps/worker/outside/sender.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import type { Principal } from '#core/operators/principal.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { signMessage } from '#core/webhook/signature.ts'
import { registerWebhook, type WebhookInput } from '#core/webhook/webhooks.ts'
import type { OutboxRow } from '#db/accounts/outbox.ts'
import { readOutsideBacklog } from '#db/connector/lease.ts'
import { createTenant } from '#test/db/log/requests.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { startWebhookReceiver, type WebhookReceiver } from '#test/setup/webhook-receiver.ts'

let db: TestDatabase
let tenantId: string
let receiver: WebhookReceiver
const keyEncryption = new LocalKeyEncryption(Buffer.alloc(32, 3))
const actor: Principal = { credentialId: randomUUID(), role: 'tenant-admin', tenantId: null, resourceId: undefined }
const https = createHttpsClient(createOutbound({ allowed: everythingInside, ownStores: [] }), {
  timeoutMs: 2_000,
  connections: 4,
})
const logLines: string[] = []
const senderOf = (client = https) =>
  createSender({
    database: db.database,
    keyEncryption,
    https: client,
    clock: { nowMs: () => Date.now() },
    logger: createLogger('worker', 'info', line => logLines.push(line)),
  })

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 })
})
afterAll(async () => {
  await https.close()
  await db.close()
})
beforeEach(async () => {
  await receiver?.close()
  receiver = await startWebhookReceiver()
  await db.admin`truncate mayfly.webhook cascade`
  tenantId = await createTenant(db.admin)
  logLines.length = 0
})
afterAll(() => receiver.close())

async function register(tenant: string, changes: Partial<WebhookInput> = {}) {
  const input = { name: randomUUID(), url: receiver.url, events: ['account.claimed'], signature: 'hmac', ...changes } as const
  return db.database.db
    .forTenant(tenant)
    .transaction()
    .execute(trx =>
      registerWebhook(trx, { actor, tenantId: tenant, keyEncryption, nowMs: Date.now() }, { ca_pem: receiver.caPem, ...input }),
    )
}

const rowOf = (tenant: string, changes: Partial<OutboxRow> = {}): OutboxRow => ({
  id: '1',
  tenantId: tenant,
  accountId: newUuid(),
  transition: 'claim',
  generation: 2,
  payload: { readmitted: true, owner: 'not for everybody' },
  atMs: 1_795_305_600_000,
  attempts: 1,
  ...changes,
})

/** What the outbox does with rows. */
async function tell(...rows: OutboxRow[]): Promise<void> {
  const handler = webhookHandler(db.database)
  for (const row of await handler.pick(rows)) await handler.handle(row)
}

const dueNow = () => db.admin`update mayfly.webhook_message set due_at = clock_timestamp() where state = 'waiting'`
const releaseHolds = () => db.admin`update mayfly.webhook set hold_until = '-infinity'`
const messages = () => db.admin`select state, attempts, status, failure from mayfly.webhook_message order by created_at, id`

describe('a webhook', () => {
  test('is told of what it asked for, signed, by ids alone', async () => {
    const { secret } = await register(tenantId)
    const row = rowOf(tenantId)
    await tell(row, rowOf(tenantId, { transition: 'expire' }))
    await senderOf().drain()
    expect(receiver.calls).toHaveLength(1)
    const [call] = receiver.calls
    expect(call!.body).toEqual({
      type: 'account.claimed',
      timestamp: '2026-11-22T00:00:00.000Z',
      data: {
        tenant: formatId('tenant', tenantId),
        account: formatId('account', row.accountId),
        generation: 2,
        readmitted: true,
      },
    })
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = call!.headers
    const expected = signMessage({ id: id!, timestampSeconds: Number(timestamp), body: call!.text }, [secret!])
    expect(signature).toBe(expected['webhook-signature'])
  })

  test('is told once of what the outbox tells twice', async () => {
    await register(tenantId)
    const row = rowOf(tenantId)
    await tell(row)
    await tell(row)
    await senderOf().drain()
    expect(receiver.calls).toHaveLength(1)
  })

  test("hears nothing of another tenant's accounts", async () => {
    await register(tenantId)
    await tell(rowOf(await createTenant(db.admin)))
    await senderOf().drain()
    expect(receiver.calls).toEqual([])
  })

  test('with Ed25519 needs no secret', async () => {
    const { secret, row } = await register(tenantId, { signature: 'ed25519' })
    expect(secret).toBeUndefined()
    expect(row.public_key).toMatch(/^whpk_/)
  })
})

describe('F18: a receiver', () => {
  test('that fails gets the same message again under the same id, until it has taken it', async () => {
    await register(tenantId)
    await tell(rowOf(tenantId))
    receiver.answer = () => ({ status: 500 })
    for (let attempt = 1; attempt <= 3; attempt++) {
      await senderOf().drain()
      expect(await messages()).toMatchObject([{ state: 'waiting', attempts: attempt, status: 500 }])
      await dueNow()
      await releaseHolds()
    }
    receiver.answer = () => ({ status: 204 })
    await senderOf().drain()
    expect(await messages()).toMatchObject([{ state: 'delivered', attempts: 4, status: 204 }])
    expect(new Set(receiver.calls.map(call => call.headers['webhook-id'])).size).toBe(1)
  })

  test('that fails for days is parked and seen, and nothing is lost', async () => {
    await register(tenantId)
    await tell(rowOf(tenantId))
    receiver.answer = () => ({ status: 500 })
    await db.admin`update mayfly.webhook_message set attempts = 10`
    await senderOf().drain()
    expect(await messages()).toMatchObject([{ state: 'parked', attempts: 11 }])
    expect(await readOutsideBacklog(db.database.sql)).toMatchObject({ messages: 0, parkedMessages: 1 })
    expect(logLines.join()).toContain('parked')
    const events = await readLog(db.admin)
    expect(events.find(({ leaf }) => leaf.type === 'webhook.parked')!.body).toMatchObject({ status: 500, attempts: 11 })
  })

  test('that is slow holds up nobody else, and of many messages only a few wait at it', async () => {
    const slow = await startWebhookReceiver()
    const held = Promise.withResolvers<{ status: number }>()
    slow.answer = () => held.promise
    const other = await createTenant(db.admin)
    await register(tenantId, { url: slow.url, ca_pem: slow.caPem })
    await register(other)
    await tell(...Array.from({ length: 40 }, () => rowOf(tenantId)), ...Array.from({ length: 5 }, () => rowOf(other)))
    const sender = senderOf()
    const draining = sender.drain()
    await vi.waitFor(() => expect(receiver.calls).toHaveLength(5), { timeout: 1_500 })
    expect(slow.calls.length).toBeLessThanOrEqual(4)
    held.resolve({ status: 200 })
    await draining
    expect(slow.calls).toHaveLength(40)
    await slow.close()
  })

  test('that is away is left alone for a while: its other messages are not tried one by one', async () => {
    await register(tenantId, { url: 'https://localhost:1/hook' })
    await tell(...Array.from({ length: 10 }, () => rowOf(tenantId)))
    await senderOf().drain()
    const tried = (await messages()).filter(row => row['attempts'] > 0)
    expect(tried.length).toBeLessThanOrEqual(4)
    expect(tried[0]).toMatchObject({ status: null, failure: 'unreachable' })
  })

  test('that asks to wait is waited for', async () => {
    await register(tenantId)
    await tell(rowOf(tenantId))
    receiver.answer = () => ({ status: 503 })
    await senderOf().drain()
    const [row] = await db.admin`select due_at > clock_timestamp() + interval '2 seconds' as waits from mayfly.webhook_message`
    expect(row!['waits']).toBe(true)
  })
})

test('26: a webhook at an inner address is sent nothing', async () => {
  const strict = createHttpsClient(createOutbound({ allowed: [], ownStores: [] }), { timeoutMs: 2_000, connections: 1 })
  await register(tenantId)
  await tell(rowOf(tenantId))
  await senderOf(strict).drain()
  expect(receiver.calls).toEqual([])
  expect(await messages()).toMatchObject([{ state: 'waiting', failure: 'address_refused' }])
  await strict.close()
})

test('28: neither the secret nor the URL of a webhook stands in the log', async () => {
  const { secret } = await register(tenantId, { url: `${receiver.url}?token=abc` })
  await tell(rowOf(tenantId))
  receiver.answer = () => ({ status: 500, body: { echo: secret } })
  await senderOf().drain()
  expect(logLines.length).toBeGreaterThan(0)
  expect(logLines.join()).not.toMatch(/token=abc|whsec_/)
})
