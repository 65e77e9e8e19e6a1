import { beforeEach, describe, expect, test } from 'vitest'
import { Rejections } from '#core/exchange/rejections.ts'

let nowMs = 0
let rejections: Rejections
beforeEach(() => {
  nowMs = 1_000
  rejections = new Rejections({ nowMs: () => nowMs })
})

const fail = (address: string, times: number): void => {
  for (let n = 0; n < times; n++) rejections.count('t', address, 'bad_signature')
}
const isAdmitted = (address: string): boolean => {
  try {
    rejections.admit(address, () => false)
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 1 })
    return false
  }
}

describe('an address', () => {
  test('that never failed is admitted however often it comes', () => {
    for (let n = 0; n < 10_000; n++) expect(isAdmitted('192.0.2.1')).toBe(true)
  })

  test('that failed too often is turned away until time has passed, and no other with it', () => {
    fail('192.0.2.1', 199)
    expect(isAdmitted('192.0.2.1')).toBe(true)
    fail('192.0.2.1', 1)
    expect(isAdmitted('192.0.2.1')).toBe(false)
    expect(isAdmitted('192.0.2.2')).toBe(true)
    nowMs += 49
    expect(isAdmitted('192.0.2.1')).toBe(false)
    nowMs += 1
    expect(isAdmitted('192.0.2.1')).toBe(true)
  })

  test.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['2001:db8::1', '2001:db8::2', true],
    ['2001:db8::1', '2001:db8:0:0:9::', true],
    ['2001:db8::1', '2001:db8:0:1::1', false],
    ['::1', '::2', true],
    ['fe80::1:2:3:4', 'fe80::5:6:7:8', true],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
  ])('%s shares the budget of %s: %s', (a, b, shared) => {
    fail(a, 200)
    expect(isAdmitted(b)).toBe(!shared)
  })
})

describe('the counts', () => {
  test('are kept by tenant and reason, and drained once', () => {
    fail('192.0.2.1', 3)
    rejections.count('t', '192.0.2.1', 'expired')
    rejections.count('u', '192.0.2.1', 'expired')
    expect(rejections.drain()).toEqual([
      { tenantId: 't', reason: 'bad_signature', count: 3 },
      { tenantId: 't', reason: 'expired', count: 1 },
      { tenantId: 'u', reason: 'expired', count: 1 },
    ])
    expect(rejections.drain()).toEqual([])
  })

  test('are bounded, whatever comes', () => {
    for (let n = 0; n < 10_000; n++) rejections.count(`t${n}`, '192.0.2.1', 'expired')
    expect(rejections.drain()).toHaveLength(256)
  })
})
