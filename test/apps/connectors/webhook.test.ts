import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { webhookConnector } from '#apps/connectors/webhook.ts'
import { createHttpsClient } from '#apps/outbound/https.ts'
import { createOutbound } from '#apps/outbound/outbound.ts'
import type { Target } from '#core/connector/connector.ts'
import { formatId } from '#core/ids/id.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { newWebhookSecret, signMessage } from '#core/webhook/signature.ts'
import { startWebhookReceiver, type WebhookReceiver } from '#test/setup/webhook-receiver.ts'
import { targetOf } from './target.ts'

const signing = newWebhookSecret('hmac')
const limits = { timeoutMs: 2_000, connections: 2 }
const https = createHttpsClient(createOutbound({ allowed: everythingInside, ownStores: [] }), limits)
const connector = webhookConnector(https, () => Date.now() / 1000)
let receiver: WebhookReceiver

beforeAll(async () => {
  receiver = await startWebhookReceiver()
})
afterAll(async () => {
  await https.close()
  await receiver.close()
})
beforeEach(() => {
  receiver.calls.length = 0
  receiver.answer = () => ({ status: 200, body: { access: { token: 'given', port: 1 } } })
})

const target = (changes: Partial<Target> = {}): Target =>
  targetOf({ config: { url: receiver.url, ca_pem: receiver.caPem, signature: 'hmac' }, admin: { signing }, ...changes })

describe('a step', () => {
  test('is a signed call that says what is wanted and for whom, by ids alone', async () => {
    const one = target()
    expect(await connector.provision(one)).toEqual({ token: 'given', port: 1 })
    const [call] = receiver.calls
    expect(call!.body).toMatchObject({
      type: 'attachment.provision',
      data: {
        attachment: formatId('attachment', one.attachmentId),
        account: formatId('account', one.accountId),
        rotation: 1,
        expires_at: new Date(one.deadlineSeconds * 1000).toISOString(),
      },
    })
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = call!.headers
    const expected = signMessage({ id: id!, timestampSeconds: Number(timestamp), body: call!.text }, [signing])
    expect(signature).toBe(expected['webhook-signature'])
  })

  test('that fails is repeated under the same id', async () => {
    let failures = 2
    const given = receiver.answer
    receiver.answer = call => (failures-- > 0 ? { status: 503 } : given(call))
    expect(await connector.provision(target())).toEqual({ token: 'given', port: 1 })
    expect(receiver.calls).toHaveLength(3)
    expect(new Set(receiver.calls.map(call => call.headers['webhook-id'])).size).toBe(1)
  })

  test('has another id than any other step or rotation', async () => {
    const one = target()
    await connector.provision(one)
    await connector.rotate({ ...one, rotation: 2 })
    await connector.lock(one)
    await connector.destroy(one)
    expect(new Set(receiver.calls.map(call => call.headers['webhook-id'])).size).toBe(4)
  })

  test('for what is gone at the other side is done', async () => {
    receiver.answer = () => ({ status: 410 })
    await connector.lock(target())
    expect(await connector.destroy(target())).toEqual([])
    await expect(connector.rotate(target())).rejects.toMatchObject({ reason: 'failed' })
  })

  test('that takes down tells what is gone, kinds and numbers only', async () => {
    const destroyed = [
      { what: 'bucket', count: 2 },
      { what: 'Object of Jane <script>', count: 1 },
      { what: 'object', count: -1 },
      'bucket',
    ]
    receiver.answer = () => ({ status: 200, body: { destroyed } })
    expect(await connector.destroy(target())).toEqual([{ what: 'bucket', count: 2 }])
  })

  test.each([
    [200, '[]', 'failed'],
    [200, '{"access": {"a": {"b": 1}}}', 'failed'],
    [200, '{"access": {"a": "1", "a": "2"}}', 'failed'],
    [200, 'secret text', 'failed'],
    [302, '', 'failed'],
    [401, '', 'not_authorised'],
  ])('is not done by an answer %i %s, of which nothing is shown', async (status, body, reason) => {
    receiver.answer = () => ({ status, body })
    const refused = connector.provision(target())
    await expect(refused).rejects.toMatchObject({ reason })
    await expect(refused).rejects.not.toThrow(/secret/)
  })

  test('26: is not sent to an inner address, whatever name leads there', async () => {
    const strict = createHttpsClient(createOutbound({ allowed: [], ownStores: [] }), limits)
    await expect(webhookConnector(strict, () => 0).provision(target())).rejects.toMatchObject({ reason: 'address_refused' })
    expect(receiver.calls).toEqual([])
    await strict.close()
  })
})
