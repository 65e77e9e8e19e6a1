// RFC 7517, JSON Web Key Sets, as published for each tenant; RFC 7638 thumbprints.

import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const jwksOf = (issuer: string) => broker.https.send(`${issuer}/jwks`)

test('holds public signature keys only, each with kty, kid, alg and use (§ 4, § 9.3)', async () => {
  const { status, headers, body } = await jwksOf(broker.running.issuer)
  expect(status).toBe(200)
  expect(headers['content-type']).toMatch(/^application\/jwk-set\+json/)
  expect(body.keys.map((key: { alg: string }) => key.alg).sort()).toEqual(['ES256', 'RS256'])
  for (const key of body.keys) {
    expect(key).toMatchObject({ kid: expect.any(String), use: 'sig' })
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']) expect(key).not.toHaveProperty(secret)
    await expect(calculateJwkThumbprint(key)).resolves.toMatch(/^[A-Za-z0-9_-]{43}$/)
  }
  expect(new Set(body.keys.map((key: { kid: string }) => key.kid)).size).toBe(2)
})

test('verifies the tokens of its tenant by kid, and no tenant’s keys verify another’s tokens', async () => {
  const { running } = broker
  const other = await createOtherTenant(running, 'other')
  const { body } = await running.token(running.form({ task_id: 't' }), running.certificate)
  const own = await jwksOf(running.issuer)
  await expect(jwtVerify(body.access_token, createLocalJWKSet(own.body), { issuer: running.issuer })).resolves.toBeDefined()
  const foreign = await jwksOf(other.issuer)
  const kids = foreign.body.keys.map((key: { kid: string }) => key.kid)
  expect(kids).not.toContain(decodeProtectedHeader(body.access_token).kid)
  await expect(jwtVerify(body.access_token, createLocalJWKSet(foreign.body))).rejects.toThrow()
})
