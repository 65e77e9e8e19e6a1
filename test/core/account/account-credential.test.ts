import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accountOfCredential, createAccountCredentials, openerOfCredential } from '#core/account/account-credential.ts'
import { formatUuid, newUuid } from '#core/ids/id.ts'
import { bytesOfSecret, hashSecret, isSecret, secretOf } from '#core/ids/secret.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'

const credentialOf = createAccountCredentials(randomBytes(32))
const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => formatUuid(Buffer.from(bytes).toString('hex')))
const key = (kind: BoundKey['kind']): BoundKey => ({ kind, thumbprint: randomBytes(32).toString('base64url') })

describe('the credential of an account', () => {
  test('names its account, is the same each time, and is another for every other account and deployment', () => {
    const elsewhere = createAccountCredentials(randomBytes(32))
    fc.assert(
      fc.property(uuid, uuid, (id, other) => {
        const credential = credentialOf(id)
        expect(isSecret('account', credential)).toBe(true)
        expect(accountOfCredential(credential)).toBe(id)
        expect(credentialOf(id)).toBe(credential)
        expect(elsewhere(id)).not.toBe(credential)
        if (other !== id) expect(credentialOf(other)).not.toBe(credential)
      }),
    )
  })

  test('is no other text: what is no secret of this kind names no account', () => {
    fc.assert(fc.property(fc.string(), text => accountOfCredential(text) === undefined))
    expect(accountOfCredential(secretOf('claim', randomBytes(32)))).toBeUndefined()
    expect(accountOfCredential(`${credentialOf(newUuid())} `)).toBeUndefined()
  })

  test('has 128 bits that follow from nothing but the deployment’s secret', () => {
    const id = newUuid()
    const bytes = bytesOfSecret('account', credentialOf(id))!
    expect(bytes.toString('hex', 0, 16)).toBe(id.replaceAll('-', ''))
    const tails = new Set(
      Array.from({ length: 500 }, () => bytesOfSecret('account', credentialOf(newUuid()))!.toString('hex', 16)),
    )
    expect(tails.size).toBe(500)
  })

  test('is stored as a hash, in which a named key is, so that no other key ever fits', () => {
    const credential = credentialOf(newUuid())
    const [certificate, dpop] = [key('x5t#S256'), key('jkt')]
    const sameHashOtherKind: BoundKey = { ...certificate, kind: 'jkt' }
    const openers = [undefined, certificate, dpop, sameHashOtherKind].map(named => openerOfCredential(credential, named))
    expect(new Set(openers).size).toBe(4)
    for (const opener of openers) {
      expect(opener).toMatch(/^[0-9a-f]{64}$/)
      expect(opener).not.toBe(hashSecret(credential).toString('hex'))
    }
  })
})
