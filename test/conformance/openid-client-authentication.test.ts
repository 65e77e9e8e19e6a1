// openid-client 6, unmodified: how a client may authenticate, and what its token is bound to then.

import type { webcrypto } from 'node:crypto'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { resourceUri } from '#test/setup/running-broker.ts'
import { issueSelfSigned } from '#test/setup/self-signed.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { discover, fetchWith } from './openid-discovery.ts'

const broker = useBroker()
const asked = () => ({ resource: resourceUri, scope: 'orders:read', task_id: crypto.randomUUID() })

let pins: string
async function registerClient(rule: Record<string, unknown>): Promise<string> {
  const { status, body, text } = await broker.running.v1('POST', '/v1/agents', {
    name: crypto.randomUUID(),
    owner: 'team@test.example',
    review_on: '2099-01-01',
    ceiling: { scope: 'orders:read' },
    rules: [{ trust_source: pins, ...rule }],
  })
  expect(status, text).toBe(201)
  return body.id
}
beforeAll(async () => {
  const source = await broker.running.v1('POST', '/v1/trust-sources', { kind: 'pinned', name: 'pins' })
  expect(source.status, source.text).toBe(201)
  pins = source.body.id
})

const refusalOf = async (work: Promise<unknown>): Promise<unknown[]> => {
  const refused = await work.then(
    () => undefined,
    cause => cause,
  )
  expect(refused).toBeInstanceOf(client.ResponseBodyError)
  return [refused.status, refused.error]
}

describe('TlsClientAuth', () => {
  test('is the client’s own credential: the token is bound to the certificate (RFC 8705 § 2.1)', async () => {
    const { running } = broker
    const config = await discover(broker, {
      clientId: running.ids.agent,
      authentication: client.TlsClientAuth(),
      certificate: running.certificate,
    })
    const { access_token } = await client.clientCredentialsGrant(config, asked())
    expect(decodeJwt(access_token)).toMatchObject({ client_id: running.ids.agent, cnf: { 'x5t#S256': expect.any(String) } })
  })

  test('works with a self-signed certificate that the registration names, and with no other (§ 2.2)', async () => {
    const own = await issueSelfSigned()
    const id = await registerClient({ certificate_thumbprint: own.thumbprint })
    const config = await discover(broker, { clientId: id, authentication: client.TlsClientAuth(), certificate: own })
    const { access_token } = await client.clientCredentialsGrant(config, asked())
    expect(decodeJwt(access_token)['cnf']).toEqual({ 'x5t#S256': own.thumbprint })
    const thief = await discover(broker, {
      clientId: id,
      authentication: client.TlsClientAuth(),
      certificate: await issueSelfSigned(),
    })
    expect(await refusalOf(client.clientCredentialsGrant(thief, asked()))).toEqual([401, 'invalid_client'])
  })

  test('of another client is refused', async () => {
    const { running } = broker
    const config = await discover(broker, {
      clientId: running.ids.bearerAgent,
      authentication: client.TlsClientAuth(),
      certificate: running.certificate,
    })
    expect(await refusalOf(client.clientCredentialsGrant(config, asked()))).toEqual([401, 'invalid_client'])
  })
})

describe('PrivateKeyJwt', () => {
  let key: webcrypto.CryptoKeyPair
  let id: string
  beforeAll(async () => {
    key = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ])) as webcrypto.CryptoKeyPair
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key.publicKey)
    id = await registerClient({ jwk: { kty, crv, x, y } })
  })

  test('with getDPoPHandle gets a token that is bound to the DPoP key', async () => {
    const config = await discover(broker, { clientId: id, authentication: client.PrivateKeyJwt(key.privateKey) })
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const tokens = await client.clientCredentialsGrant(config, asked(), { DPoP })
    expect(tokens.token_type).toBe('dpop')
    expect(decodeJwt(tokens.access_token)).toMatchObject({ client_id: id, cnf: { jkt: expect.any(String) } })
  })

  test('without a key for the token to be bound to gets none, unless the agent is registered as bearer', async () => {
    const config = await discover(broker, { clientId: id, authentication: client.PrivateKeyJwt(key.privateKey) })
    expect(await refusalOf(client.clientCredentialsGrant(config, asked()))).toEqual([401, 'invalid_client'])
  })

  test('of a key that is not registered is refused', async () => {
    const other = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
    const config = await discover(broker, {
      clientId: id,
      authentication: client.PrivateKeyJwt((other as webcrypto.CryptoKeyPair).privateKey),
    })
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    expect(await refusalOf(client.clientCredentialsGrant(config, asked(), { DPoP }))).toEqual([401, 'invalid_client'])
  })

  test('is taken once (threats 12)', async () => {
    let sent: string | undefined
    const config = await discover(broker, { clientId: id, authentication: client.PrivateKeyJwt(key.privateKey) })
    config[client.customFetch] = ((url: string, options: { body: URLSearchParams }) => {
      sent = String(options.body)
      return fetchWith(broker)(url, options as never)
    }) as never
    await client.clientCredentialsGrant(config, asked()).catch(() => {})
    const again = await broker.https.send(`${broker.running.issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: sent!,
    })
    expect([again.status, again.body.error]).toEqual([401, 'invalid_client'])
    expect(again.body.error_description).toContain('used before')
  })
})
