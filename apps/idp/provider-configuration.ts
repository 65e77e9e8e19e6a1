import { randomBytes } from 'node:crypto'
import type { ClientMetadata, Configuration, JWKS, KoaContextWithOIDC } from 'oidc-provider'
import { commandLineClient, commandLineClientId } from './command-line-client.ts'
import { devicePages } from './device-pages.ts'
import type { IdpKeys } from './idp-keys.ts'
import { findPerson, type Person, toClaims } from './people.ts'
import { pageHeaders, problemPage } from './sign-in-page.ts'

/** How oidc-provider is set up: code flow with PKCE, device grant, claims in the ID token, no consent page, nothing kept on disk. */
export function providerConfiguration(input: {
  keys: IdpKeys
  clients: ClientMetadata[]
  people: readonly Person[]
}): Configuration {
  return {
    jwks: input.keys as unknown as JWKS,
    clients: [...input.clients.filter(client => client.client_id !== commandLineClientId), commandLineClient],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: {
      idTokenSigningAlgValues: ['ES256', 'RS256'],
      userinfoSigningAlgValues: ['ES256', 'RS256'],
      introspectionSigningAlgValues: ['ES256', 'RS256'],
      authorizationSigningAlgValues: ['ES256', 'RS256'],
    },
    // The mark by which a broker in production mode knows this issuer and refuses it.
    discovery: { mayfly_development: true },
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'], groups: ['groups'] },
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      deviceFlow: { enabled: true, ...devicePages },
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_ctx, id) => {
      const person = findPerson(input.people, id)
      return person && { accountId: person.id, claims: () => toClaims(person) }
    },
    loadExistingGrant: grantWhatIsAsked,
    ttl: { AccessToken: 600, IdToken: 600, Interaction: 600, Grant: 3600, Session: 3600, AuthorizationCode: 60, DeviceCode: 600 },
    renderError: (ctx, out) => {
      ctx.type = 'html'
      ctx.set(pageHeaders())
      ctx.body = problemPage(out.error, out.error_description ?? 'The request was refused.')
    },
  }
}

/** Every client is the developer's own, so there is nobody to ask for consent. */
async function grantWhatIsAsked(ctx: KoaContextWithOIDC) {
  const { client, session, params, provider } = ctx.oidc
  const grant = new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
  grant.addOIDCScope(String(params?.['scope'] ?? 'openid'))
  await grant.save()
  return grant
}
