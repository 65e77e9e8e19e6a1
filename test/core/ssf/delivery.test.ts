import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { holdSeconds, judgeAnswer } from '#core/ssf/delivery.ts'

const error = (err: string, description?: string): string => JSON.stringify({ err, description })

describe('the answer to a pushed SET', () => {
  test.each<[string, number, string, number, string]>([
    ['202, as the RFC has it', 202, '', 0, 'accepted'],
    ['any other success', 200, 'thanks', 0, 'accepted'],
    ['an error of the server', 500, '', 0, 'failed'],
    ['a redirect', 302, '', 0, 'failed'],
    ['400 without an error that is known', 400, 'nonsense', 50, 'failed'],
    ['400 with JSON that is none of ours', 400, '[]', 50, 'failed'],
    ['400 about the SET', 400, error('invalid_request'), 0, 'refused'],
    ['400 about its audience', 400, error('invalid_audience'), 0, 'refused'],
    ['400 about us, always', 400, error('authentication_failed'), 1_000, 'failed'],
    ['400 about a key that may be new', 400, error('invalid_key'), 0, 'failed'],
    ['400 about a key, again and again', 400, error('invalid_key'), 5, 'refused'],
    ['400 with an error from elsewhere', 400, error('jwt_crypto'), 0, 'failed'],
    ['the same again and again', 400, error('jwt_crypto'), 5, 'refused'],
    ['an error, but not with 400', 403, error('invalid_request'), 9, 'failed'],
  ])('%s', (_, status, body, failures, outcome) => {
    expect(judgeAnswer(status, body, failures).outcome).toBe(outcome)
  })

  test('brings no invisible character and no long text of the receiver to those who read it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), text => {
        const answer = judgeAnswer(400, error('invalid_request', text), 0)
        expect(answer.outcome === 'refused' && answer.description).toMatch(/^[\x20-\x7e\u00c0-\u024f]{0,200}$/)
      }),
    )
  })
})

test('a receiver is left alone for longer each time, five minutes at most unless it asks for more, and an hour at most then', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, random) => {
      const seconds = holdSeconds(failures, undefined, random)
      expect(seconds).toBeGreaterThanOrEqual(0.75)
      expect(seconds).toBeLessThanOrEqual(375)
      expect(holdSeconds(failures, 1e9, random)).toBe(3_600)
    }),
  )
  expect(holdSeconds(1, 30, 0.5)).toBe(30)
})
