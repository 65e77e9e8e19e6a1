import { describe, expect, test } from 'vitest'
import { DpopNonces } from '#core/dpop/nonces.ts'

const windowMs = 300_000
const secret = Buffer.alloc(32, 1)
const start = 1_795_305_600_000
const nonces = new DpopNonces(secret)

describe('a nonce', () => {
  test('is good for one to two windows of five minutes, and for the window before at most', () => {
    const nonce = nonces.issue(start)
    expect(nonce).toMatch(/^[\w-]{22}$/)
    for (const after of [0, windowMs - 1, windowMs, 2 * windowMs - 1]) expect(nonces.accepts(nonce, start + after)).toBe(true)
    for (const after of [2 * windowMs, 100 * windowMs]) expect(nonces.accepts(nonce, start + after)).toBe(false)
    expect(nonces.accepts(nonce, start - 1)).toBe(true)
    expect(nonces.accepts(nonce, start - windowMs - 1)).toBe(false)
  })
  test('is known to every replica with the same secret and to nobody else', () => {
    const nonce = nonces.issue(start)
    expect(new DpopNonces(Buffer.from(secret)).accepts(nonce, start)).toBe(true)
    expect(new DpopNonces(Buffer.alloc(32, 2)).accepts(nonce, start)).toBe(false)
  })
  test.each(['', 'x', 'A'.repeat(22), 'A'.repeat(1_000_000)])('is not %.30s', text => {
    expect(nonces.accepts(text, start)).toBe(false)
  })
  test('has one spelling', () => {
    const nonce = nonces.issue(start)
    expect(nonces.accepts(`${nonce}=`, start)).toBe(false)
    expect(nonces.accepts(` ${nonce}`, start)).toBe(false)
  })
  test('says nothing of the secret: a short one is refused', () => {
    expect(() => new DpopNonces(Buffer.alloc(31))).toThrow('at least 32 bytes')
  })
  test('at a time that is no number is refused', () => {
    expect(nonces.accepts(nonces.issue(start), Number.NaN)).toBe(false)
  })
})
