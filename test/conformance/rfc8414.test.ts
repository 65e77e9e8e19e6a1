// RFC 8414, authorization server metadata, and RFC 8705 § 5, aliases for mutual TLS.

import { beforeAll, describe, expect, test } from 'vitest'
import { sendRaw } from '#test/setup/raw-tls.ts'
import { createOtherTenant, type OtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
let other: OtherTenant
beforeAll(async () => {
  other = await createOtherTenant(broker.running, 'other')
})

const get = (path: string) => broker.https.send(`${broker.running.issuer}${path}`)

describe.each([
  ['the first tenant', '', () => broker.running.issuer],
  ['another tenant', '/t/other', () => other.issuer],
])('%s', (_name, path, issuerOf) => {
  const paths = [
    `/.well-known/oauth-authorization-server${path}`,
    `${path}/.well-known/oauth-authorization-server`,
    `/.well-known/openid-configuration${path}`,
    `${path}/.well-known/openid-configuration`,
  ]

  test.each(paths)('%s names exactly the issuer that it was asked of (§ 3.3)', async url => {
    const { status, headers, body } = await get(url)
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^application\/json/)
    expect(body.issuer).toBe(issuerOf())
    expect(body.issuer).toBe(`${broker.running.issuer}${path}`)
  })

  test('has endpoints of its own, grants, authentication methods and types (§ 2)', async () => {
    const { body } = await get(paths[0]!)
    const issuer = issuerOf()
    expect(body).toMatchObject({
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: [],
      grant_types_supported: [
        'urn:ietf:params:oauth:grant-type:token-exchange',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
        'client_credentials',
      ],
      token_endpoint_auth_methods_supported: ['none', 'tls_client_auth', 'self_signed_tls_client_auth', 'private_key_jwt'],
      tls_client_certificate_bound_access_tokens: true,
      authorization_details_types_supported: ['agent_http', 'agent_row', 'agent_tool'],
    })
  })

  test('every endpoint that it names answers, on both listeners', async () => {
    const { body } = await get(paths[0]!)
    expect((await broker.https.send(body.jwks_uri)).status).toBe(200)
    expect(body.mtls_endpoint_aliases.token_endpoint).toBe(`${broker.running.config.mtlsUrl}${path}/token`)
    for (const url of [body.token_endpoint, body.mtls_endpoint_aliases.token_endpoint]) {
      const answer = await broker.https.send(url, { method: 'POST' })
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
    }
    expect((await broker.https.send(body.service_documentation)).status).toBe(200)
  })

  test('what a client sends in Host or forwarding headers changes nothing', async () => {
    const headers = [
      'Host: evil.example',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: http',
      'Forwarded: host=evil.example',
    ]
    const request = [`GET ${paths[0]} HTTP/1.1`, ...headers, 'Connection: close', '', ''].join('\r\n')
    const text = await sendRaw(broker.running.issuer, broker.running.ca.certificatePem, request)
    expect(text).toContain(`"issuer":"${issuerOf()}"`)
    expect(text).not.toContain('evil')
  })
})

test('the first tenant has one address only, and unknown tenants have none', async () => {
  for (const slug of ['test', 'nobody', 'OTHER', '..', '%2e%2e', 'a'.repeat(300)])
    expect((await get(`/.well-known/oauth-authorization-server/t/${slug}`)).status).toBe(404)
})
