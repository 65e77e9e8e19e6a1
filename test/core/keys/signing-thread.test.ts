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

/** Whether the token is of this header and payload, and signed by the key. */
function verifies(header: string, payload: string, token: string, pair: { readonly publicKey: KeyObject }): boolean {
  const input = `${header}.${Buffer.from(payload).toString('base64url')}`
  const signature = Buffer.from(token.slice(input.length + 1), 'base64url')
  const key = { key: pair.publicKey, dsaEncoding: 'ieee-p1363' } as const
  return token.startsWith(`${input}.`) && verify('sha256', Buffer.from(input), key, signature)
}

test('gives each of many interleaved requests the signature of its own text by its own key', async () => {
  const jobs = Array.from({ length: 200 }, (_, i) => ({ payload: `{"n":${i},"text":"a.b → c"}`, pair: i % 3 === 0 ? rsa : ec }))
  const tokens = await Promise.all(jobs.map(({ payload, pair }) => thread.sign(pair.privateKey, 'header', payload)))
  for (const [i, { payload, pair }] of jobs.entries()) expect(verifies('header', payload, tokens[i]!, pair)).toBe(true)
})

test('refuses what was under way when the thread dies, and signs again with a new one', async () => {
  await thread.sign(ec.privateKey, 'header', 'first')
  // One batch, and more than the thread gets done before it is ended.
  const lost = Promise.allSettled(Array.from({ length: 5_000 }, () => thread.sign(ec.privateKey, 'header', 'lost')))
  await new Promise(resolve => setImmediate(resolve))
  await thread.close()
  for (const result of await lost) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'internal' } })
  expect(verifies('header', 'again', await thread.sign(ec.privateKey, 'header', 'again'), ec)).toBe(true)
})

test('takes no payload of several lines, and gives nobody the token of another', async () => {
  const [before, two, after] = await Promise.allSettled(
    ['before', 'two\nlines', 'after'].map(payload => thread.sign(ec.privateKey, 'header', payload)),
  )
  expect(two).toMatchObject({ status: 'rejected', reason: { code: 'internal' } })
  for (const [payload, result] of [
    ['before', before],
    ['after', after],
  ] as const)
    expect(result?.status === 'fulfilled' && verifies('header', payload, result.value, ec)).toBe(true)
})

test('signs by the right key, too, once it has forgotten the many that it knew', async () => {
  const pairs = Array.from({ length: 1_001 }, () => generateKeyPairSync('ec', { namedCurve: 'P-256' }))
  const signAll = () => Promise.all(pairs.map(({ privateKey }, i) => thread.sign(privateKey, 'header', String(i))))
  // As many as it may know, then others in another order: each has another place than before.
  await signAll()
  pairs.push(ec)
  pairs.reverse()
  for (const [i, token] of (await signAll()).entries()) expect(verifies('header', String(i), token, pairs[i]!)).toBe(true)
})
