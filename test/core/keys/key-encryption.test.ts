import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { LocalKeyEncryption, type SealContext } from '#core/keys/key-encryption.ts'

const encryption = new LocalKeyEncryption(randomBytes(32))
const context: SealContext = { tenantId: 'tenant-a', purpose: 'signing-key', rowId: 'row-1' }
const plain = Buffer.from('the private key')

describe('a sealed key', () => {
  test('opens where it was sealed, never shows its plain text, and never looks the same twice', async () => {
    const first = await encryption.seal(plain, context)
    const second = await encryption.seal(plain, context)
    expect(await encryption.open(first, encryption.keyId, context)).toEqual(plain)
    expect(first.includes(plain)).toBe(false)
    expect(first.equals(second)).toBe(false)
  })

  test.each<[string, Partial<SealContext>]>([
    ['tenant', { tenantId: 'tenant-b' }],
    ['purpose', { purpose: 'subject-key' }],
    ['row', { rowId: 'row-2' }],
    ['split between tenant and row', { tenantId: 'tenant-a","signing-key', rowId: '1' }],
  ])('does not open when it is copied to another %s', async (_, change) => {
    const sealed = await encryption.seal(plain, context)
    await expect(encryption.open(sealed, encryption.keyId, { ...context, ...change })).rejects.toMatchObject({ code: 'internal' })
  })

  test('does not open when any one byte of it was changed', async () => {
    const sealed = await encryption.seal(plain, context)
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed)
      changed[i]! ^= 1
      await expect(encryption.open(changed, encryption.keyId, context), `byte ${i}`).rejects.toMatchObject({ code: 'internal' })
    }
  })

  test('does not open at any other length, so that a short tag is never tried', async () => {
    const sealed = await encryption.seal(plain, context)
    for (let length = 0; length < sealed.length; length++)
      await expect(encryption.open(sealed.subarray(0, length), encryption.keyId, context), `${length}`).rejects.toMatchObject({
        code: 'internal',
      })
  })

  test('does not open under another key-encryption key, by name or by content', async () => {
    const other = new LocalKeyEncryption(randomBytes(32))
    const sealed = await encryption.seal(plain, context)
    await expect(other.open(sealed, encryption.keyId, context)).rejects.toMatchObject({ code: 'internal' })
    await expect(other.open(sealed, other.keyId, context)).rejects.toMatchObject({ code: 'internal' })
  })
})

describe('the key-encryption key', () => {
  test('is named by what does not reveal it, the same in each process', () => {
    const key = randomBytes(32)
    expect(new LocalKeyEncryption(key).keyId).toBe(new LocalKeyEncryption(key).keyId)
    expect(new LocalKeyEncryption(key).keyId).toMatch(/^local-[0-9a-f]{16}$/)
    expect(key.toString('hex')).not.toContain(new LocalKeyEncryption(key).keyId.slice(6))
  })

  test.each([0, 16, 31, 33])('is refused when it has %d bytes', length => {
    expect(() => new LocalKeyEncryption(Buffer.alloc(length))).toThrow(expect.objectContaining({ code: 'internal' }))
  })
})
