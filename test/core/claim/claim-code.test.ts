import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCodeMac, newClaimCode, readClaimCode } from '#core/claim/claim-code.ts'

const account = '0198c0ff-ee00-7000-8000-0000000000aa'

test('a code is eight letters, no vowel among them, in two groups', () => {
  const codes = Array.from({ length: 500 }, newClaimCode)
  for (const code of codes) expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
  expect(new Set(codes).size).toBe(500)
})

test('is read however it was typed, and nothing else is', () => {
  for (const typed of ['bcdf-ghjk', 'BCDFGHJK', ' bcdf ghjk\n', 'BCDF–GHJK', 'b c d f — g h j k'])
    expect(readClaimCode(typed)).toBe('BCDFGHJK')
  for (const typed of ['', 'BCDF-GHJ', 'BCDF-GHJKL', 'BCDF-GHJA', 'BCDF_GHJK', '12345678', 'ＢＣＤＦＧＨＪＫ'])
    expect(readClaimCode(typed)).toBeUndefined()
})

test('the MAC is of this code, this account and this deployment', () => {
  const mac = createCodeMac(randomBytes(32))
  const code = newClaimCode()
  expect(mac(account, code)).toEqual(mac(account, code.toLowerCase()))
  expect(mac(account, code)).not.toEqual(mac(account.replace('aa', 'ab'), code))
  expect(mac(account, code)).not.toEqual(createCodeMac(randomBytes(32))(account, code))
  fc.assert(fc.property(fc.string(), text => readClaimCode(text) !== undefined || !mac(account, text).equals(mac(account, code))))
})
