import type { ClientMetadata } from 'oidc-provider'

/** What the console is here, and what sign-in providers of this issuer are registered with for browsers. */
export const consoleClientId = 'mayfly-console'

/** A web application without a secret: PKCE, and the addresses that it comes back to. issuers: of the tenants, as URLs. */
export const consoleClient = (...issuers: readonly string[]): ClientMetadata => ({
  client_id: consoleClientId,
  client_name: 'Mayfly console',
  application_type: 'web',
  token_endpoint_auth_method: 'none',
  redirect_uris: issuers.map(issuer => `${issuer}/console/callback`),
  grant_types: ['authorization_code'],
  response_types: ['code'],
})
