import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { BrokerError } from '#core/errors/broker-error.ts'
import { IssuerTokens } from '#core/issuer-token/issuer-tokens.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }
const snapshot = { tenant: { issuer: 'https://broker.example' }, jwks: { keys: [jwk] } } as unknown as TenantSnapshot
const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'at+jwt' }).sign(pair.privateKey)

test('blames the broker and not the token where the check itself failed', async () => {
  const dead = new IssuerTokens(() => Promise.reject(new BrokerError('internal', { detail: 'a worker thread ended' })))
  await expect(dead.verify(snapshot, token, Date.now())).rejects.toMatchObject({ code: 'internal' })
})

test('refuses a signature that does not verify, and what is no token for the issuer itself', async () => {
  const tokens = new IssuerTokens()
  const spoilt = `${token.slice(0, -6)}${token.at(-6) === 'A' ? 'B' : 'A'}${token.slice(-5)}`
  expect(await tokens.verify(snapshot, spoilt, Date.now())).toMatchObject({ ok: false, reason: 'bad_signature' })
  expect(await tokens.verify(snapshot, token, Date.now())).toMatchObject({ ok: false, reason: 'not_for_issuer' })
})
