// openid-client 6, unmodified: discovery from RFC 8414 metadata, then token exchange with a client certificate.

import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { resourceUri } from '#test/setup/running-broker.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { discover } from './openid-discovery.ts'

const broker = useBroker()
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const jwtType = 'urn:ietf:params:oauth:token-type:jwt'

describe('with a certificate', () => {
  let config: client.Configuration
  beforeAll(async () => {
    const { running } = broker
    config = await discover(broker, {
      clientId: running.ids.agent,
      authentication: client.TlsClientAuth(),
      certificate: running.certificate,
    })
  })
  const ask = (more: Record<string, string> = {}) =>
    client.genericGrantRequest(config, exchangeGrant, {
      subject_token: broker.running.mint(),
      subject_token_type: jwtType,
      resource: resourceUri,
      scope: 'orders:read',
      ...more,
    })

  test('gets a key-bound task token', async () => {
    const tokens = await ask()
    expect(tokens.token_type).toBe('bearer')
    expect(tokens.expiresIn()).toBeGreaterThan(0)
    expect(decodeJwt(tokens.access_token)['cnf']).toHaveProperty('x5t#S256')
  })

  test('gets one by the jwt-bearer grant', async () => {
    const tokens = await client.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:jwt-bearer', {
      assertion: broker.running.mint(),
      resource: resourceUri,
      scope: 'orders:read',
    })
    expect(decodeJwt(tokens.access_token).aud).toBe(resourceUri)
  })

  test.each([
    [{ scope: 'orders:write' }, 'invalid_scope'],
    [{ resource: 'https://unknown.example/' }, 'invalid_target'],
    [{ subject_token: 'nonsense' }, 'invalid_request'],
    [{ authorization_details: '[{"type":"x"}]' }, 'invalid_authorization_details'],
  ])('reads the refusal of %j as %s', async (more, error) => {
    const refused = await ask(more).then(
      () => undefined,
      cause => cause,
    )
    expect(refused).toBeInstanceOf(client.ResponseBodyError)
    expect(refused.error).toBe(error)
    expect(refused.error_description).toBeTruthy()
  })
})

test('reads invalid_client as such when it has no certificate to show', async () => {
  const { running } = broker
  const config = await discover(broker, { clientId: running.ids.agent, authentication: client.None() })
  const parameters = { subject_token: running.mint(), subject_token_type: jwtType, resource: resourceUri, scope: 'orders:read' }
  const refused = await client.genericGrantRequest(config, exchangeGrant, parameters).catch(cause => cause)
  expect(refused).toBeInstanceOf(client.ResponseBodyError)
  expect([refused.status, refused.error]).toEqual([401, 'invalid_client'])
})

test('discovers another tenant by its issuer, and is sent to its own endpoints', async () => {
  const { running } = broker
  const other = await createOtherTenant(running, 'other')
  const config = await discover(broker, {
    issuer: other.issuer,
    clientId: 'x',
    authentication: client.TlsClientAuth(),
    certificate: running.certificate,
  })
  expect(config.serverMetadata().issuer).toBe(other.issuer)
  expect(config.serverMetadata().mtls_endpoint_aliases?.token_endpoint).toBe(`${running.config.mtlsUrl}/t/other/token`)
})
