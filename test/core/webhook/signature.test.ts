import { createHmac, createPublicKey, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { newWebhookSecret, signMessage, webhookPublicKey } from '#core/webhook/signature.ts'

const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestampSeconds: 1614265330, body: '{"test": 2432232314}' }

test('a shared secret signs as the example of Standard Webhooks does', () => {
  const headers = signMessage(message, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])
  expect(headers).toEqual({
    'webhook-id': message.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('an Ed25519 signature verifies with the public key and for nothing else', () => {
  const secret = newWebhookSecret('ed25519')
  const publicKey = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(webhookPublicKey(secret)!.slice(5), 'base64').toString('base64url') },
    format: 'jwk',
  })
  const signature = signMessage(message, [secret])['webhook-signature']!
  expect(signature).toMatch(/^v1a,/)
  const isGood = (content: string) =>
    verify(null, Buffer.from(content), publicKey, Buffer.from(signature.slice('v1a,'.length), 'base64'))
  expect(isGood(`${message.id}.1614265330.${message.body}`)).toBe(true)
  expect(isGood(`${message.id}.1614265331.${message.body}`)).toBe(false)
  expect(isGood(`msg_other.1614265330.${message.body}`)).toBe(false)
})

test('while a secret is replaced a message is signed with both', () => {
  const [now, before] = [newWebhookSecret('hmac'), newWebhookSecret('hmac')]
  const expected = [now, before].map(secret => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${message.id}.1614265330.${message.body}`).digest('base64')}`
  })
  expect(signMessage(message, [now, before])['webhook-signature']).toBe(expected.join(' '))
  expect(webhookPublicKey(now)).toBeUndefined()
})
