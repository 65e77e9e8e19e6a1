import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Challenges, challengeSeconds, leastBits, mostBits } from '#core/anonymous/challenges.ts'
import { boundForStrangers } from '#core/anonymous/stranger.ts'
import { isSolved, leadingZeroBits, workBinding } from '#core/anonymous/work.ts'
import { standardLimits } from '#core/quota/limits.ts'
import { makeAgent } from '../subject/snapshot.ts'

const secret = Buffer.alloc(32, 7)
const nowMs = 1_800_000_000_000

describe('work', () => {
  test('is counted by leading zero bits', () => {
    expect([[0x80], [0x40], [0x01], [0, 0xff], [0, 0x01], [0, 0]].map(bytes => leadingZeroBits(Uint8Array.from(bytes)))).toEqual([
      0, 1, 7, 8, 15, 16,
    ])
  })

  test('is bound to every part of the request', () => {
    const base = { keyThumbprint: 'k', taskId: 't', resource: 'r', scope: 's', authorizationDetails: 'd' }
    const all = [base, ...Object.keys(base).map(name => ({ ...base, [name]: 'x' })), { ...base, taskId: undefined }]
    expect(new Set(all.map(workBinding)).size).toBe(all.length)
    expect(workBinding(base)).toBe(createHash('sha256').update('k\nt\nr\ns\nd').digest('base64url'))
  })

  test('takes as many tries as it says, about', () => {
    let tries = 0
    for (let i = 0; i < 40; i++)
      for (let n = 0; ; n++) {
        tries++
        if (isSolved(`challenge ${i}`, 'binding', String(n), 8)) break
      }
    expect(tries / 40).toBeGreaterThan(256 / 3)
    expect(tries / 40).toBeLessThan(256 * 3)
  })
})

describe('a challenge', () => {
  test('is known by every replica, for its tenant and address, until it ends', () => {
    const { challenge, bits } = new Challenges(secret).issue('t', '10.0.0.1', nowMs)
    const replica = new Challenges(secret)
    expect(replica.read('t', '10.0.0.1', challenge, nowMs + 1_000)).toEqual({
      bits,
      untilSeconds: nowMs / 1_000 + challengeSeconds,
    })
    for (const [tenant, group, atMs] of [
      ['u', '10.0.0.1', nowMs],
      ['t', '10.0.0.2', nowMs],
      ['t', '10.0.0.1', nowMs + challengeSeconds * 1_000],
      ['t', '10.0.0.1', nowMs - 11_000],
    ] as const)
      expect(replica.read(tenant, group, challenge, atMs)).toBeUndefined()
    expect(new Challenges(Buffer.alloc(32, 8)).read('t', '10.0.0.1', challenge, nowMs)).toBeUndefined()
  })

  test('cannot be made up or changed, not even to be easier', () => {
    const challenges = new Challenges(secret)
    const { challenge } = challenges.issue('t', 'a', nowMs)
    const bytes = Buffer.from(challenge, 'base64url')
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const other = Buffer.from(bytes)
        other.writeUInt8(other.readUInt8(at) ^ mask, at)
        expect(challenges.read('t', 'a', other.toString('base64url'), nowMs)).toBeUndefined()
      }),
    )
    expect(challenges.read('t', 'a', 'x', nowMs)).toBeUndefined()
  })

  test('is harder for who asks often, and easy again after a while', () => {
    const challenges = new Challenges(secret)
    let last = challenges.issue('t', 'busy', nowMs).bits
    expect(last).toBe(leastBits)
    for (let i = 0; i < 500; i++) last = challenges.issue('t', 'busy', nowMs + i).bits
    expect(last).toBeGreaterThan(leastBits + 6)
    expect(challenges.issue('t', 'busy', nowMs + 180_000).bits).toBe(leastBits)
    for (let i = 0; i < 20_000; i++) last = challenges.issue('t', 'busy', nowMs + 200_000).bits
    expect(last).toBe(mostBits)
  })

  test('is harder for all when many come, never because one address asks and asks', () => {
    const challenges = new Challenges(secret)
    for (let i = 0; i < 20_000; i++) challenges.issue('t', 'busy', nowMs)
    expect(challenges.issue('t', 'calm', nowMs).bits).toBe(leastBits)
    for (let i = 0; i < 500; i++) challenges.issue('t', `one of many ${i}`, nowMs)
    expect(challenges.issue('t', 'neighbour', nowMs).bits).toBe(leastBits + 5)
  })
})

test('what strangers get is bounded whatever their agent is registered with', () => {
  const wide = makeAgent([])
  const { settings } = boundForStrangers(
    {
      ...wide,
      settings: {
        ...wide.settings,
        binding: 'bearer',
        account_ttl_seconds: 9_999_999,
        token_ttl_seconds: 3_600,
        max_depth: 8,
        may_enroll: true,
        limits: { agent_live_accounts: null, agent_opens_per_minute: 5 },
      },
    },
    standardLimits,
  )
  expect(settings).toMatchObject({
    binding: 'pop',
    account_ttl_seconds: 3_600,
    longest_account_seconds: 3_600,
    token_ttl_seconds: 300,
    max_depth: 0,
    may_enroll: false,
    limits: { agent_live_accounts: 1_000, agent_opens_per_minute: 5, agent_tokens_per_minute: 600 },
  })
})
