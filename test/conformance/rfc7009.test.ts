// RFC 7009, token revocation, by agents of their own tokens.

import type { webcrypto } from 'node:crypto'
import * as client from 'openid-client'
import { describe, expect, test } from 'vitest'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import { useAccountsAhead } from '#test/setup/accounts-ahead.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { DpopAgent } from './dpop-agent.ts'
import { discover } from './openid-discovery.ts'

const broker = useBroker()
const { introspect } = useAccountsAhead(broker)

const revoke = (form: Record<string, string>, certificate?: IssuedCertificate, headers: Record<string, string> = {}) => {
  const { config } = broker.running
  const url = `${certificate ? config.mtlsUrl : config.publicUrl}/revoke`
  return broker.https.send(url, { method: 'POST', headers: { ...formHeaders, ...headers }, body: formBody(form), certificate })
}
async function issued(changes: Record<string, string> = {}, certificate: IssuedCertificate | null = broker.running.certificate) {
  const { running } = broker
  const answer = await running.token(running.form({ task_id: crypto.randomUUID(), ...changes }), certificate ?? undefined)
  expect(answer.status, answer.text).toBe(200)
  return answer.body.access_token as string
}
const isActive = async (token: string): Promise<boolean> => (await introspect(token)).body.active
describe('an agent takes its token back', () => {
  test('with its certificate: 200, an empty body, and the token is inactive from then on (§ 2.2)', async () => {
    const token = await issued()
    expect(await isActive(token)).toBe(true)
    const { status, text, headers } = await revoke({ token }, broker.running.certificate)
    expect([status, text, headers['cache-control']]).toEqual([200, '', 'no-store'])
    expect(await isActive(token)).toBe(false)
  })

  test('and no other token of its account', async () => {
    const task_id = crypto.randomUUID()
    const [one, other] = [await issued({ task_id }), await issued({ task_id })]
    await revoke({ token: one }, broker.running.certificate)
    expect([await isActive(one), await isActive(other)]).toEqual([false, true])
  })

  test('with the DPoP key that it is bound to', async () => {
    const agent = new DpopAgent(broker)
    const asked = await agent.ask(await agent.goodProof(), { task_id: crypto.randomUUID() })
    expect(asked.status, asked.text).toBe(200)
    const token = asked.body.access_token
    const htu = `${broker.running.issuer}/revoke`
    const answer = await revoke({ token }, undefined, { dpop: await agent.goodProof({ htu }) })
    expect(answer.status, answer.text).toBe(200)
    expect(await isActive(token)).toBe(false)
  })

  test('that is bound to no key, by having it (§ 2.1, public clients)', async () => {
    const { running } = broker
    const token = await issued({ subject_token: running.mint({ sub: 'bearer-workload', runId: crypto.randomUUID() }) }, null)
    expect((await revoke({ token, client_id: running.ids.agent })).status).toBe(400)
    expect(await isActive(token)).toBe(true)
    expect((await revoke({ token, client_id: running.ids.bearerAgent })).status).toBe(200)
    expect(await isActive(token)).toBe(false)
  })

  test('whatever token_type_hint says, and as often as it likes', async () => {
    const token = await issued()
    for (const token_type_hint of ['refresh_token', 'access_token', 'urn:example:other'])
      expect((await revoke({ token, token_type_hint }, broker.running.certificate)).status).toBe(200)
    expect(await isActive(token)).toBe(false)
  })
})

describe('openid-client takes a token back', () => {
  test('with TlsClientAuth, on the mTLS port', async () => {
    const { running } = broker
    const token = await issued()
    const config = await discover(broker, {
      clientId: running.ids.agent,
      authentication: client.TlsClientAuth(),
      certificate: running.certificate,
    })
    await client.tokenRevocation(config, token)
    expect(await isActive(token)).toBe(false)
  })

  test('with PrivateKeyJwt', async () => {
    const { running } = broker
    const keys = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ])) as webcrypto.CryptoKeyPair
    const jwk = await crypto.subtle.exportKey('jwk', keys.publicKey)
    const pins = (await running.v1('POST', '/v1/trust-sources', { kind: 'pinned', name: 'pins' })).body.id
    const registered = await running.v1('POST', '/v1/agents', {
      ...{ name: 'by key', owner: 'team@test.example', review_on: '2099-01-01', ceiling: { scope: 'orders:read' } },
      rules: [{ trust_source: pins, jwk: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y } }],
      settings: { binding: 'bearer' },
    })
    const config = await discover(broker, {
      clientId: registered.body.id,
      authentication: client.PrivateKeyJwt(keys.privateKey as CryptoKey),
    })
    const { access_token } = await client.clientCredentialsGrant(config, {
      ...{ resource: resourceUri, scope: 'orders:read', task_id: crypto.randomUUID() },
    })
    expect(await isActive(access_token)).toBe(true)
    await client.tokenRevocation(config, access_token)
    expect(await isActive(access_token)).toBe(false)
  })
})

describe('what is answered otherwise', () => {
  test('200 to what is no token, or none of ours: nothing is left to be revoked (§ 2.2)', async () => {
    for (const token of ['garbage', 'a.b.c', 'x'.repeat(20_000), broker.running.mint()]) {
      const { status, text } = await revoke({ token }, broker.running.certificate)
      expect([status, text]).toEqual([200, ''])
    }
  })

  test('invalid_request without a token, 404 to other methods, 415 to other media types', async () => {
    const missing = await revoke({ token_type_hint: 'access_token' }, broker.running.certificate)
    expect([missing.status, missing.body.error]).toEqual([400, 'invalid_request'])
    const url = `${broker.running.issuer}/revoke`
    expect([404, 405]).toContain((await broker.https.send(url)).status)
    const json = await broker.https.send(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    expect(json.status).toBe(415)
  })

  test('invalid_client to a secret, and to an assertion that nobody signed', async () => {
    const token = await issued()
    const secret = await revoke({ token, client_secret: 'x' })
    expect([secret.status, secret.body.error]).toEqual([401, 'invalid_client'])
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    const forged = await revoke({ token, client_assertion: broker.running.mint(), client_assertion_type })
    expect([forged.status, forged.body.error]).toEqual([401, 'invalid_client'])
    expect(await isActive(token)).toBe(true)
  })
})
