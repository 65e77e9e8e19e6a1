import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { SigningThread } from '#core/keys/signing-thread.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

let thread = new SigningThread()
afterEach(async () => {
  await thread.close()
  thread = new SigningThread()
})

const verifies = (input: string, signature: string, pair: { readonly publicKey: KeyObject }): boolean =>
  verify('sha256', Buffer.from(input), { key: pair.publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))

test('gives each of many interleaved requests the signature of its own text by its own key', async () => {
  const jobs = Array.from({ length: 200 }, (_, i) => ({ input: `header.${i}`, pair: i % 3 === 0 ? rsa : ec }))
  const signatures = await Promise.all(jobs.map(({ input, pair }) => thread.sign(pair.privateKey, input)))
  for (const [i, { input, pair }] of jobs.entries()) expect(verifies(input, signatures[i]!, pair)).toBe(true)
})

test('refuses what was under way when the thread dies, and signs again with a new one', async () => {
  await thread.sign(ec.privateKey, 'first')
  // One batch, and more than the thread gets done before it is ended.
  const lost = Promise.allSettled(Array.from({ length: 5_000 }, () => thread.sign(ec.privateKey, 'lost')))
  await new Promise(resolve => setImmediate(resolve))
  await thread.close()
  for (const result of await lost) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'internal' } })
  expect(verifies('again', await thread.sign(ec.privateKey, 'again'), ec)).toBe(true)
})
