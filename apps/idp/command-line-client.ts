import type { ClientMetadata } from 'oidc-provider'

/** What `mayfly login` is here, and what the first tenant's sign-in provider is registered with. */
export const commandLineClientId = 'mayfly-cli'

/**
 * A native application (RFC 8252): no secret, PKCE, a redirect to whichever loopback port it listens on; or, on a machine
 * without a browser, the device grant (RFC 8628).
 */
export const commandLineClient: ClientMetadata = {
  client_id: commandLineClientId,
  client_name: 'Mayfly command line',
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
  grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
  response_types: ['code'],
}
