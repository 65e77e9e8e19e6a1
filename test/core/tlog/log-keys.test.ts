import { expect, test } from 'vitest'
import { makeLogKey, splitLogKeys } from '#core/tlog/log-keys.ts'

const [one, two] = [makeLogKey(), makeLogKey()]

test('keys come out one by one, in their order', () => {
  expect(splitLogKeys(one + two)).toEqual([one, two])
  expect(splitLogKeys(`\n${one}\r\n${two.trimEnd()}`)).toEqual([one, two])
})

test.each([
  ['nothing', ''],
  ['a key of another form beside one that can be read', one + two.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE')],
  ['a key that was cut off', one + two.slice(0, -30)],
])('no key is left out in silence: %s', (_, pem) => {
  expect(splitLogKeys(pem)).toEqual([])
})
