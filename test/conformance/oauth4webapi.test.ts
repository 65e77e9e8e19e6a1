// oauth4webapi 3, unmodified: as a client, and as a resource that validates RFC 9068 tokens. It throws on `cnf.x5t#S256`, so
// it validates a token that is bound to nothing; certificate-bound ones are validated by jose and a thumbprint check.

import { createHash, X509Certificate } from 'node:crypto'
import { createRemoteJWKSet, customFetch as joseFetch, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { fetch as undiciFetch } from 'undici'
import { beforeAll, expect, test } from 'vitest'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import { onceResourceUri, resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const fetchWith = (certificate?: IssuedCertificate) =>
  ((url: string, options: object) =>
    undiciFetch(url, { ...options, dispatcher: broker.https.dispatcher(certificate) } as never)) as unknown as typeof fetch

let server: oauth.AuthorizationServer
beforeAll(async () => {
  const issuer = new URL(broker.running.issuer)
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', [oauth.customFetch]: fetchWith() })
  server = await oauth.processDiscoveryResponse(issuer, response)
})

async function ask(sub: string, certificate?: IssuedCertificate, more: Record<string, string> = {}) {
  const { running } = broker
  const client = {
    client_id: certificate ? running.ids.agent : running.ids.bearerAgent,
    use_mtls_endpoint_aliases: !!certificate,
  }
  const parameters = {
    subject_token: running.mint({ sub }),
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    resource: resourceUri,
    scope: 'orders:read',
    ...more,
  }
  const authentication = certificate ? oauth.TlsClientAuth() : oauth.None()
  const response = await oauth.genericTokenEndpointRequest(server, client, authentication, exchangeGrant, parameters, {
    [oauth.customFetch]: fetchWith(certificate),
  })
  return oauth.processGenericTokenEndpointResponse(server, client, response)
}

const validate = (token: string, audience = resourceUri) =>
  oauth.validateJwtAccessToken(
    server,
    new Request('https://orders.example/api/orders/42', { headers: { authorization: `Bearer ${token}` } }),
    audience,
    { [oauth.customFetch]: fetchWith() },
  )

test('a bearer agent gets a token that validateJwtAccessToken accepts', async () => {
  const { access_token } = await ask('bearer-workload')
  const claims = await validate(access_token)
  expect(claims).toMatchObject({ iss: server.issuer, aud: resourceUri, client_id: broker.running.ids.bearerAgent })
  await expect(validate(access_token, onceResourceUri)).rejects.toThrow()
})

test('a stock validator refuses what it cannot check: a token whose nonce must be used up', async () => {
  const { access_token } = await ask('bearer-workload', undefined, { resource: onceResourceUri })
  await expect(validate(access_token, onceResourceUri)).rejects.toThrow(/typ/)
})

test('a certificate-bound token verifies with jose, and its thumbprint is that of the certificate', async () => {
  const { running } = broker
  const { access_token } = await ask('workload', running.certificate)
  await expect(validate(access_token)).rejects.toThrow(/confirmation/i)
  const keys = createRemoteJWKSet(new URL(server.jwks_uri!), { [joseFetch]: fetchWith() as never })
  const options = { issuer: server.issuer, audience: resourceUri, typ: 'at+jwt', algorithms: ['ES256'] }
  const { payload } = await jwtVerify(access_token, keys, options)
  const der = new X509Certificate(running.certificate.certificatePem).raw
  expect(payload['cnf']).toEqual({ 'x5t#S256': createHash('sha256').update(der).digest('base64url') })
})

test('refusals arrive as ResponseBodyError with the OAuth code', async () => {
  const refused = await ask('bearer-workload', undefined, { scope: 'orders:write' }).catch(cause => cause)
  expect(refused).toBeInstanceOf(oauth.ResponseBodyError)
  expect([refused.status, refused.error]).toEqual([400, 'invalid_scope'])
  const unproven = await ask('workload').catch(cause => cause)
  expect(unproven).toBeInstanceOf(oauth.ResponseBodyError)
  expect([unproven.status, unproven.error]).toEqual([401, 'invalid_client'])
})
