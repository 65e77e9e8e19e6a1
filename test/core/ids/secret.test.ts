import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { newUuid } from '#core/ids/id.ts'
import {
  accountHexOfClaim,
  hashSecret,
  isSecret,
  newClaimSecret,
  newSecret,
  type SecretKind,
  sameHash,
  secretPattern,
  secretPrefixes,
} from '#core/ids/secret.ts'

const kinds = Object.keys(secretPrefixes) as SecretKind[]

describe('a secret', () => {
  test('carries 256 random bits, its kind, and a checksum that tells a slip from a wrong secret', () => {
    for (const kind of kinds) {
      const secret = newSecret(kind)
      for (const other of kinds) expect(isSecret(other, secret)).toBe(other === kind)
      for (let i = 0; i < secret.length; i++) {
        const slip = `${secret.slice(0, i)}${secret[i] === 'a' ? 'b' : 'a'}${secret.slice(i + 1)}`
        expect(isSecret(kind, slip), `position ${i}`).toBe(false)
      }
      expect(isSecret(kind, secret.slice(0, -1))).toBe(false)
      expect(isSecret(kind, `${secret}\n`)).toBe(false)
    }
    expect(new Set(Array.from({ length: 1_000 }, () => newSecret('claim'))).size).toBe(1_000)
  })

  test('of a claim names its account, and is as random and as easily told from a slip as any', () => {
    const account = newUuid(1_795_305_600_000)
    const secret = newClaimSecret(account)
    expect(accountHexOfClaim(secret)).toBe(account.replaceAll('-', ''))
    expect(isSecret('claim', secret)).toBe(true)
    expect(secret.slice(0, 47)).not.toBe(newClaimSecret(account).slice(0, 47))
    for (let i = 0; i < secret.length; i++)
      expect(accountHexOfClaim(`${secret.slice(0, i)}${secret[i] === 'a' ? 'b' : 'a'}${secret.slice(i + 1)}`)).toBeUndefined()
    for (const other of [newSecret('claim'), newSecret('operator'), '', `${secret}\n`, secret.slice(1)])
      expect(accountHexOfClaim(other)).toBeUndefined()
    expect(`x${secret}y`.replace(secretPattern, '')).toBe('xy')
  })

  test('is stored as SHA-256 of the whole of it', () => {
    const secret = newSecret('operator')
    expect(hashSecret(secret)).toEqual(createHash('sha256').update(secret).digest())
  })

  test.each(['%s', 'token=%s', 'x%sy', '"%s"', 'secret_%s_', 'a\n%s\n', 'https://h/claim#%s'])(
    'is found for redaction wherever it stands: %j',
    around => {
      for (const kind of kinds) {
        const secret = newSecret(kind)
        const text = around.replace('%s', secret)
        expect(text.replace(secretPattern, '')).not.toContain(secret.slice(4, 40))
      }
    },
  )
})

test('hashes are compared by their bytes, and of different lengths are never the same', () => {
  expect(sameHash(Buffer.from('ab'), Buffer.from('ab'))).toBe(true)
  expect(sameHash(Buffer.from('ab'), Buffer.from('ac'))).toBe(false)
  expect(sameHash(Buffer.from('ab'), Buffer.from('abc'))).toBe(false)
  expect(sameHash(Buffer.alloc(0), Buffer.from('a'))).toBe(false)
})
