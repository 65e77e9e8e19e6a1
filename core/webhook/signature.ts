// Signatures of what we send, as the Standard Webhooks specification has them: `webhook-id`, `webhook-timestamp` and
// `webhook-signature`, the last over `<id>.<timestamp>.<body>`. `v1`: HMAC-SHA-256 with a shared secret, `whsec_<base64>`.
// `v1a`: Ed25519, whose public key is `whpk_<base64>`.

import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'

export type SignatureMethod = 'hmac' | 'ed25519'

/** PKCS #8 of an Ed25519 key without its last 32 bytes, which are the seed (RFC 8410 § 7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')

/** What is sealed: `whsec_…` or `whsk_…`, each with 32 random bytes. */
export function newWebhookSecret(method: SignatureMethod): string {
  if (method === 'hmac') return `whsec_${randomBytes(32).toString('base64')}`
  const { privateKey } = generateKeyPairSync('ed25519')
  return `whsk_${privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32).toString('base64')}`
}

/** `whpk_…` of an Ed25519 secret; undefined for a shared one, which has no public part. */
export function webhookPublicKey(secret: string): string | undefined {
  if (!secret.startsWith('whsk_')) return undefined
  const { x } = createPublicKey(privateKeyOf(secret)).export({ format: 'jwk' })
  return `whpk_${Buffer.from(x!, 'base64url').toString('base64')}`
}

export interface SignedMessage {
  /** The same for each attempt to deliver one message. */
  readonly id: string
  /** Of this attempt; receivers refuse what is minutes old. */
  readonly timestampSeconds: number
  readonly body: string
}

/** The three headers. secrets: the current one first, then those that receivers may still know. */
export function signMessage(message: SignedMessage, secrets: readonly string[]): Record<string, string> {
  const content = `${message.id}.${message.timestampSeconds}.${message.body}`
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestampSeconds),
    'webhook-signature': secrets.map(secret => signatureOf(content, secret)).join(' '),
  }
}

function signatureOf(content: string, secret: string): string {
  if (secret.startsWith('whsk_')) return `v1a,${sign(null, Buffer.from(content), privateKeyOf(secret)).toString('base64')}`
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`
}

const privateKeyOf = (secret: string): KeyObject =>
  createPrivateKey({
    key: Buffer.concat([pkcs8Head, Buffer.from(secret.slice('whsk_'.length), 'base64')]),
    format: 'der',
    type: 'pkcs8',
  })
