// What is asked again of a token that the guard has seen before: it remembers the signature and nothing else.

import { createPublicKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createGuard, type GuardOptions } from '../src/index.ts'
import {
  issuer,
  key,
  guardWith as makeGuard,
  nowSeconds,
  reasonOf,
  requestWith,
  resource,
  thiefCertificate,
  tokenWith,
} from './issuer.ts'

const now = nowSeconds * 1000
const guardWith = (change: Partial<GuardOptions> = {}) => makeGuard({ clock: () => now, ...change })

describe('a known token', () => {
  test('is asked each time whether it was revoked; not knowing refuses with 503', async () => {
    let answer: () => boolean = () => false
    const guard = guardWith({ isRevoked: () => answer() })
    const token = tokenWith()
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('allowed')
    answer = () => true
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('401 token_revoked')
    answer = () => {
      throw new Error('the feed is stale')
    }
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('503 revocation_unknown')
  })

  test('ends with the key that the issuer withdrew', async () => {
    let published: typeof key | undefined = key
    const object = createPublicKey({ key: key.jwk as never, format: 'jwk' })
    const guard = createGuard({
      issuer,
      resource,
      clock: () => now,
      isRevoked: () => false,
      keys: kid => (published?.kid === kid ? object : undefined),
    })
    const token = tokenWith()
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('allowed')
    published = undefined
    expect(reasonOf(await guard.verify(requestWith(token)))).toBe('401 key_unknown')
  })

  test('that ended while its key was looked for is over', async () => {
    let passedMs = 0
    const keys = async () => {
      passedMs += 200_000
      return createPublicKey({ key: key.jwk, format: 'jwk' })
    }
    const guard = guardWith({ jwks: undefined as never, keys, clock: () => nowSeconds * 1000 + passedMs })
    const request = requestWith(tokenWith())
    expect(reasonOf(await guard.verify(request))).toBe('allowed')
    expect(reasonOf(await guard.verify(request))).toBe('401 token_expired')
  })

  test('is judged by its own claims, whatever a handler does to those that it is shown', async () => {
    const guard = guardWith({ allowBearer: true })
    const token = tokenWith()
    const verdict = await guard.verify(requestWith(token))
    if (!verdict.ok) throw new Error(verdict.reason)
    const shown = verdict.token as unknown as Record<string, unknown>
    expect(() => delete shown['cnf']).toThrow(TypeError)
    const methods = verdict.granted!['methods'] as string[]
    expect(methods).toContain('GET')
    expect(() => methods.push('DELETE')).toThrow(TypeError)
    expect(() => Object.assign(shown, { exp: nowSeconds * 2 })).toThrow(TypeError)
    expect(reasonOf(await guard.verify(requestWith(token, { certificate: thiefCertificate })))).toBe('401 certificate_mismatch')
  })
})
