import { randomBytes, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChallengeNonces } from '#core/did/challenge-nonces.ts'

const secret = randomBytes(32)
const nonces = new ChallengeNonces(secret)
const tenant = randomUUID()
const nowMs = Date.parse('2026-11-22T12:00:00Z')

test('each nonce is another one, and is good for five minutes, at every replica', () => {
  const [one, two] = [nonces.issue(tenant, nowMs), nonces.issue(tenant, nowMs)]
  expect(one).not.toBe(two)
  expect(one).toHaveLength(43)
  const replica = new ChallengeNonces(secret)
  for (const after of [-9_000, 0, 299_000]) expect(replica.accepts(tenant, one, nowMs + after)).toBe(true)
  for (const after of [-11_000, 300_000, 86_400_000]) expect(replica.accepts(tenant, one, nowMs + after)).toBe(false)
})

test('a nonce of another tenant, of another deployment, or of nobody is none', () => {
  const nonce = nonces.issue(tenant, nowMs)
  expect(nonces.accepts(randomUUID(), nonce, nowMs)).toBe(false)
  expect(new ChallengeNonces(randomBytes(32)).accepts(tenant, nonce, nowMs)).toBe(false)
  for (const other of ['', nonce.slice(1), `${nonce}A`, `${nonce}=`, randomBytes(32).toString('base64url')])
    expect(nonces.accepts(tenant, other, nowMs)).toBe(false)
})

test('a nonce in which anything was changed is none', () => {
  const bytes = Buffer.from(nonces.issue(tenant, nowMs), 'base64url')
  fc.assert(
    fc.property(fc.nat(bytes.length * 8 - 1), bit => {
      const changed = Buffer.from(bytes)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(nonces.accepts(tenant, changed.toString('base64url'), nowMs)).toBe(false)
    }),
  )
})

test('a short secret is refused', () => {
  expect(() => new ChallengeNonces(randomBytes(16))).toThrow(RangeError)
})
