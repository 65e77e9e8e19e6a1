import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { metadataUrl } from '../src/discovery.ts'
import { MayflyError } from '../src/mayfly-error.ts'
import { delayAfter, retryAfterSeconds } from '../src/retry.ts'
import { exchangeForm, jwtTokenType } from '../src/token-request.ts'

const failure = (status: number, retryAfter?: number) =>
  new MayflyError({ error: 'temporarily_unavailable', description: '', status, retryAfterSeconds: retryAfter })

describe('a wait before the next attempt', () => {
  test.each([
    ['7', 7],
    ['0', 0],
    [' 12 ', 12],
    ['Sun, 22 Nov 2026 00:00:10 GMT', 10],
    ['Sat, 21 Nov 2026 00:00:00 GMT', 0],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('reads Retry-After %j as %j seconds', (header, seconds) => {
    expect(retryAfterSeconds(header, Date.parse('2026-11-22T00:00:00Z'))).toBe(seconds)
  })
  test.each([400, 401, 403, 404, 500, 502])('is never made after status %i', status => {
    expect(delayAfter(failure(status), 1, {}, 0)).toBeUndefined()
  })
  test('is the broker’s where it names one, and none where that is too long', () => {
    expect(delayAfter(failure(503, 3), 1, {}, 0)).toBe(3000)
    expect(delayAfter(failure(503, 11), 1, {}, 0)).toBeUndefined()
  })
  test('stays within its bounds and ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const delay = delayAfter(failure(429), attempt, {}, random)
        expect(delay).toBeGreaterThanOrEqual(100)
        expect(delay).toBeLessThanOrEqual(10_000)
      }),
    )
    expect(delayAfter(failure(429), 4, {}, 0)).toBeUndefined()
    expect(delayAfter(new Error('a bug'), 1, {}, 0)).toBeUndefined()
  })
})

test('an error holds nothing that looks like a credential, nor lines of its own', () => {
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl'
  const secret = 'mfr_0123456789012345678901234567890123456789012_0a1b2c3d'
  const error = new MayflyError({ error: `bad\n${jwt}`, description: `token ${jwt} of ${secret} and ${'A'.repeat(70)}\r\nnext` })
  const text = `${error.message} ${error.stack} ${JSON.stringify(error)}`
  expect(text).not.toContain('eyJ')
  expect(text).not.toContain('mfr_')
  expect(text).not.toContain('AAAAAAAA')
  expect(error.description).not.toMatch(/[\r\n]/)
})

test.each([
  ['https://broker.example', 'https://broker.example/.well-known/oauth-authorization-server'],
  ['https://broker.example/t/acme', 'https://broker.example/.well-known/oauth-authorization-server/t/acme'],
])('the metadata of %s is at %s', (issuer, url) => expect(metadataUrl(issuer)).toBe(url))

test('a renewal names the account and not the task, so that it can open nothing', () => {
  const subject = { token: 't', type: jwtTokenType }
  const first = exchangeForm({ resource: 'https://r.example', taskId: 'task-1', scope: ['a', 'b'] }, subject, undefined)
  expect(Object.fromEntries(first)).toEqual({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: 't',
    subject_token_type: jwtTokenType,
    resource: 'https://r.example',
    scope: 'a b',
    task_id: 'task-1',
  })
  const current = { accountId: 'acct_1' } as Parameters<typeof exchangeForm>[2]
  const renewal = exchangeForm({ resource: 'https://r.example', taskId: 'task-1' }, subject, current)
  expect([renewal.get('account_id'), renewal.get('task_id')]).toEqual(['acct_1', null])
})
