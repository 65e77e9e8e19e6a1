import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterEach, expect, test } from 'vitest'
import { VerifyingThread } from '#core/subject/verifying-thread.ts'

const pairs = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  Ed25519: generateKeyPairSync('ed25519'),
}
type Alg = keyof typeof pairs
const pemOf = (alg: Alg): string => pairs[alg].publicKey.export({ type: 'spki', format: 'pem' }) as string
const make = (alg: Alg, n: number): Promise<string> => new SignJWT({ n }).setProtectedHeader({ alg }).sign(pairs[alg].privateKey)
const spoil = (token: string): string => `${token.slice(0, -6)}${token.at(-6) === 'A' ? 'B' : 'A'}${token.slice(-5)}`

let thread = new VerifyingThread()
afterEach(async () => {
  await thread.close()
  thread = new VerifyingThread()
})

test('tells each of many interleaved tokens whether its own signature verifies with its own key', async () => {
  const algs = Object.keys(pairs) as Alg[]
  const jobs = await Promise.all(
    Array.from({ length: 90 }, async (_, i) => {
      const alg = algs[i % algs.length]!
      const token = await make(alg, i)
      return { alg, token: i % 4 === 0 ? spoil(token) : token, good: i % 4 !== 0 }
    }),
  )
  const results = await Promise.allSettled(jobs.map(({ alg, token }) => thread.verify(pemOf(alg), alg, token)))
  expect(results.map(({ status }) => status === 'fulfilled')).toEqual(jobs.map(({ good }) => good))
})

test('refuses a token of another algorithm or key than the one it is checked with', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }) as string
  await expect(thread.verify(other, 'ES256', await make('ES256', 1))).rejects.toThrow()
  await expect(thread.verify(pemOf('ES256'), 'ES256', await make('RS256', 1))).rejects.toThrow()
})

test('blames the broker and not the token when the thread dies, and goes on with a new one', async () => {
  const token = await make('ES256', 1)
  await thread.verify(pemOf('ES256'), 'ES256', token)
  // One batch, and more than the thread gets done before it is ended.
  const lost = Promise.allSettled(Array.from({ length: 3_000 }, () => thread.verify(pemOf('ES256'), 'ES256', token)))
  await new Promise(resolve => setImmediate(resolve))
  await thread.close()
  for (const result of await lost) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'internal' } })
  await thread.verify(pemOf('ES256'), 'ES256', token)
})

test('takes no token of several lines, and gives nobody the verdict on another', async () => {
  const good = await make('ES256', 1)
  const jobs = [`${good}\n${good}`, spoil(good), good]
  const results = await Promise.allSettled(jobs.map(token => thread.verify(pemOf('ES256'), 'ES256', token)))
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
})
