import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tenantPrefix } from '#apps/console/src/tenant-prefix.ts'
import { showCountdown, showDay, showDuration } from '#apps/console/src/text/time.ts'
import { visible } from '#apps/console/src/text/visible.ts'

describe('visible', () => {
  test.each([
    ['plain text, ÄÖ, 漢字, 🪰', 'plain text, ÄÖ, 漢字, 🪰'],
    ['a\u202Eb', 'a⟨202E⟩b'],
    ['a\nb\tc\u0000', 'a⟨000A⟩b⟨0009⟩c⟨0000⟩'],
    ['zero\u200Bwidth\uFEFF', 'zero⟨200B⟩width⟨FEFF⟩'],
    ['line\u2028separator', 'line⟨2028⟩separator'],
    ['\u{E0041}tag', '⟨E0041⟩tag'],
  ])('shows what could hide: %j', (text, shown) => {
    expect(visible(text)).toBe(shown)
  })

  test('whatever it is given, nothing unseen is left, and it does not fill the page', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), text => {
        const shown = visible(text)
        expect(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(shown)).toBe(false)
        expect([...shown].length).toBeLessThanOrEqual(301)
      }),
    )
  })
})

describe('times', () => {
  test.each([
    [0, '0 seconds', '0:00'],
    [1.9, '1 second', '0:01'],
    [61, '1 minute', '1:01'],
    [3_599, '59 minutes', '59:59'],
    [3_600, '1 hour', '1 hour'],
    [200_000, '2 days', '2 days'],
    [-5, '0 seconds', '0:00'],
  ])('%d seconds are %s, and %s on a countdown', (seconds, duration, countdown) => {
    expect([showDuration(seconds), showCountdown(seconds)]).toEqual([duration, countdown])
  })

  test('a day is the same in every time zone', () => {
    expect(showDay('2027-05-22')).toBe('22 May 2027')
  })
})

test.each([
  ['/claim', ''],
  ['/console/accounts/acct_1', ''],
  ['/t/acme/claim', '/t/acme'],
  ['/t/acme', '/t/acme'],
  ['/tea/acme/claim', ''],
])('the tenant of %s is behind %j', (path, prefix) => {
  expect(tenantPrefix(path)).toBe(prefix)
})
