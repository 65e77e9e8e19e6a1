import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase64url } from '#core/jwt/base64url.ts'

test('reads back what base64url wrote', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), bytes => {
      expect(decodeBase64url(Buffer.from(bytes).toString('base64url'))).toEqual(Buffer.from(bytes))
    }),
  )
})

test.each(['', 'AA==', 'AB', 'A', '+/8', 'A A', 'AA\n', 'é'])('refuses %j, which is another spelling or none', text => {
  expect(decodeBase64url(text)).toBeUndefined()
})
