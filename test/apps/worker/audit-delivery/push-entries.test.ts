import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { formatId } from '#core/ids/id.ts'
import { signMessage } from '#core/webhook/signature.ts'
import { readAuditBacklog } from '#db/audit-stream/sinks.ts'
import { retryAuditStream, skipMessage } from '#db/audit-stream/streams.ts'
import { createTenant } from '#test/db/log/requests.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { type ReceivedCall, startWebhookReceiver, type WebhookReceiver } from '#test/setup/webhook-receiver.ts'
import { type LogWorld, startLogWorld } from './log-world.ts'

let world: LogWorld
let tenantId: string
let receiver: WebhookReceiver
beforeAll(async () => {
  world = await startLogWorld()
})
afterAll(async () => {
  await receiver?.close()
  await world.close()
})
beforeEach(async () => {
  await receiver?.close()
  receiver = await startWebhookReceiver()
  await world.db.admin`truncate mayfly.webhook cascade`
  tenantId = await createTenant(world.db.admin)
})

const audit = { begin: 'now', leaf: false } as const
const register = (changes: object = {}) =>
  world.register(tenantId, { url: receiver.url, ca_pem: receiver.caPem, audit, ...changes })
interface Told {
  readonly tenant: string
  readonly after: number
  readonly position: number
  readonly entries: readonly { readonly position: number; readonly type: string; readonly id: string }[]
}
const toldBy = (call: ReceivedCall): Told => call.body.data as unknown as Told
const entries = (calls = receiver.calls) => calls.flatMap(call => [...toldBy(call).entries])

describe('a webhook that is sent the log', () => {
  test('gets its tenant’s entries from its registration on, signed, in order, and nobody else’s', async () => {
    await world.append(tenantId, 2)
    const { secret } = await register()
    const first = await world.append(tenantId, 250)
    await world.append(await createTenant(world.db.admin), 30)
    await world.drain()
    const ours = entries().filter(({ type }) => type === 'account.completed')
    expect(ours.map(({ position }) => position)).toEqual(Array.from({ length: 250 }, (_, n) => first + n))
    expect(entries()[0]!.type).toBe('webhook.created')
    for (const { headers, text } of receiver.calls) {
      const [id, timestamp] = [headers['webhook-id']!, Number(headers['webhook-timestamp'])]
      expect(headers['webhook-signature']).toBe(
        signMessage({ id, timestampSeconds: timestamp, body: text }, [secret!])['webhook-signature'],
      )
    }
    expect(receiver.calls.map(({ text }) => text).join()).not.toContain('private')
  })

  test('sees by each message that none is missing, also where others’ entries lie between', async () => {
    await register({ audit: { ...audit, types: ['account.*'] } })
    for (let round = 0; round < 4; round++) {
      await world.append(await createTenant(world.db.admin), 300)
      await world.append(tenantId, 3)
      await world.drain()
    }
    expect(receiver.calls.map(call => toldBy(call).entries.length)).toEqual([3, 3, 3, 3])
    for (const [at, call] of receiver.calls.entries())
      if (at > 0) expect(toldBy(call).after).toBe(toldBy(receiver.calls[at - 1]!).position)
  })

  test('gets the very same message again until it takes it, and nothing behind it before', async () => {
    await register()
    await world.append(tenantId, 5)
    receiver.answer = () => ({ status: 500 })
    await world.drain()
    await world.append(tenantId, 150)
    await world.dueNow()
    await world.drain()
    receiver.answer = () => ({ status: 204 })
    await world.dueNow()
    await world.drain()
    const [first, second, third, ...rest] = receiver.calls
    for (const again of [second!, third!]) {
      expect(again.text).toBe(first!.text)
      expect(again.headers['webhook-id']).toBe(first!.headers['webhook-id'])
    }
    const told = entries([third!, ...rest]).map(({ position }) => position)
    expect(told).toEqual(told.map((_, n) => told[0]! + n))
    expect(told).toHaveLength(156)
    expect(new Set(rest.map(({ headers }) => headers['webhook-id'])).size).toBe(rest.length)
  })

  test('that does not answer holds up no other', async () => {
    const other = await startWebhookReceiver()
    await register()
    await world.register(tenantId, { url: other.url, ca_pem: other.caPem, audit })
    await world.append(tenantId, 1)
    receiver.answer = () => new Promise(() => {})
    await world.drain()
    await other.close()
    expect(entries(other.calls).filter(({ type }) => type === 'account.completed')).toHaveLength(1)
    const [stuck] = await world.db.admin`select failure from mayfly.audit_stream where failures > 0`
    expect(stuck!['failure']).toBe('timeout')
  })

  test('is parked after an hour’s failures, visibly, and goes on by itself when it takes it again', async () => {
    const { row } = await register({ audit: { ...audit, types: ['account.*'] } })
    await world.append(tenantId, 1)
    receiver.answer = () => ({ status: 400 })
    await world.drain()
    await world.db.admin`update mayfly.audit_stream set failures = 11`
    await world.dueNow()
    await world.drain()
    expect(await readAuditBacklog(world.db.database.sql)).toMatchObject({ parked: 1, failing: 1 })
    expect(world.logLines.at(-1)).toContain('it is parked')
    receiver.answer = () => ({ status: 204 })
    await world.db.database.db
      .forTenant(tenantId)
      .transaction()
      .execute(trx => retryAuditStream(trx, row.id))
    await world.drain()
    expect(await readAuditBacklog(world.db.database.sql)).toMatchObject({ parked: 0, failing: 0 })
    const events = (await readLog(world.db.admin)).filter(({ leaf }) => leaf.type.startsWith('audit_stream.'))
    const webhook = formatId('webhook', row.id)
    expect(events.slice(-2).map(({ leaf, body }) => [leaf.type, body])).toMatchObject([
      ['audit_stream.parked', { webhook, status: 400, failure: 'answered', attempts: 12 }],
      ['audit_stream.resumed', { webhook }],
    ])
  })

  test('shows the gap to its receiver when an operator leaves out a message', async () => {
    const { row } = await register({ audit: { ...audit, types: ['account.*'] } })
    await world.append(tenantId, 1)
    await world.drain()
    await world.append(tenantId, 2)
    receiver.answer = () => ({ status: 422 })
    await world.drain()
    await world.db.database.db
      .forTenant(tenantId)
      .transaction()
      .execute(trx => skipMessage(trx, row.id))
    receiver.answer = () => ({ status: 204 })
    await world.append(tenantId, 1)
    await world.drain()
    const [before, , later] = receiver.calls
    expect(toldBy(later!).after).toBeGreaterThan(toldBy(before!).position)
    expect(toldBy(later!).entries).toHaveLength(1)
  })

  test('is sent everything again that a worker sent and did not live to note', async () => {
    await register()
    await world.append(tenantId, 3)
    await world.drain()
    const [sent] = receiver.calls
    // As if the worker had been killed between the answer and its commit.
    const { position, after } = toldBy(sent!)
    await world.db
      .admin`update mayfly.audit_stream set position = ${after + 1}, told = ${after + 1}, upto = ${position + 1}, lease = gen_random_uuid()`
    await world.drain()
    expect(receiver.calls[1]!.text).toBe(sent!.text)
    expect(receiver.calls[1]!.headers['webhook-id']).toBe(sent!.headers['webhook-id'])
  })

  test('may be told as OCSF, where the exact leaf is the raw data', async () => {
    await world.append(tenantId, 2)
    await register({ audit: { begin: 'start', leaf: false, format: 'ocsf' } })
    await world.drain()
    const logged = await readLog(world.db.admin)
    expect(entries()).toHaveLength(3)
    for (const event of entries() as never as { raw_data: string; metadata: { sequence: number }; class_uid: number }[])
      expect([event.raw_data, event.class_uid]).toEqual([logged[event.metadata.sequence]!.leafText, expect.any(Number)])
  })

  test('may begin with the first entry that its tenant ever had, and be shown exact leaves', async () => {
    await world.append(tenantId, 2)
    await register({ audit: { begin: 'start', leaf: true } })
    await world.drain()
    const logged = await readLog(world.db.admin)
    expect(entries()).toHaveLength(3)
    for (const { position, leaf } of entries() as never as { position: number; leaf: string }[])
      expect(leaf).toBe(logged[position]!.leafText)
  })
})
