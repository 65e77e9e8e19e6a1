import { createPublicKey, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, compactVerify, createLocalJWKSet } from 'jose'
import { describe, expect, test } from 'vitest'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { Keyring } from '#core/keys/keyring.ts'
import { createSigningKey, openSigningKey, signingAlgorithms } from '#core/keys/signing-key.ts'

const kek = new LocalKeyEncryption(randomBytes(32))
const tenantId = '01900000-0000-7000-8000-000000000001'

describe.each(signingAlgorithms)('%s keys', alg => {
  test('sign JSON text so that jose verifies the very same bytes', async () => {
    const stored = await createSigningKey(kek, { tenantId, alg, nowMs: 1 })
    const signer = await openSigningKey(kek, stored)
    const payload = '{"aud":"https://api.example/ü","iat":1,  "z":"\\u0041"}'
    const jws = await signer.sign(payload, 'at+jwt')
    const verified = await compactVerify(jws, createLocalJWKSet({ keys: [stored.publicJwk] as never }))
    expect(Buffer.from(verified.payload).toString()).toBe(payload)
    expect(verified.protectedHeader).toEqual({ alg, kid: stored.kid, typ: 'at+jwt' })
    expect((await signer.sign('{}', 'secevent+jwt')).split('.')[0]).not.toBe(jws.split('.')[0])
  })

  test('are named by their RFC 7638 thumbprint and publish no private member', async () => {
    const { kid, publicJwk } = await createSigningKey(kek, { tenantId, alg, nowMs: 1 })
    expect(kid).toBe(await calculateJwkThumbprint(publicJwk as never))
    expect(publicJwk).toMatchObject({ use: 'sig', alg, kid })
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(publicJwk).not.toHaveProperty(member)
    expect(
      createPublicKey({ key: publicJwk as never, format: 'jwk' }).asymmetricKeyDetails?.modulusLength ?? 2048,
    ).toBeGreaterThanOrEqual(2048)
  })

  test('open in their own row only', async () => {
    const stored = await createSigningKey(kek, { tenantId, alg, nowMs: 1 })
    const changed = Buffer.from(stored.privateSealed)
    changed[20]! ^= 1
    const other = await createSigningKey(kek, { tenantId, alg, nowMs: 1 })
    for (const wrong of [
      { kid: other.kid },
      { id: tenantId },
      { tenantId: stored.id },
      { privateSealed: changed },
      { kekId: 'another' },
    ])
      await expect(openSigningKey(kek, { ...stored, ...wrong })).rejects.toMatchObject({ code: 'internal' })
    await expect(openSigningKey(new LocalKeyEncryption(randomBytes(32)), stored)).rejects.toMatchObject({ code: 'internal' })
  })
})

test('a keyring opens each key once and forgets those that a tenant has no more', async () => {
  const stored = await createSigningKey(kek, { tenantId, alg: 'ES256', nowMs: 1 })
  let opened = 0
  const counting = {
    keyId: kek.keyId,
    keyIds: kek.keyIds,
    seal: kek.seal.bind(kek),
    open: (...args: Parameters<typeof kek.open>) => {
      opened++
      return kek.open(...args)
    },
  }
  const keyring = new Keyring(counting)
  const [first] = await keyring.open(tenantId, [stored])
  const [second] = await keyring.open(tenantId, [stored])
  expect(second).toBe(first)
  expect(opened).toBe(1)
  await keyring.open(tenantId, [])
  await keyring.open(tenantId, [stored])
  expect(opened).toBe(2)
})
