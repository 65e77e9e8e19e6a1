import { type Static, Type } from 'typebox'
import { operatorRoles } from '#core/operators/principal.ts'
import { DEFAULT_SESSION_TTL_SECONDS, type SignInProviderConfig } from '#core/operators/sign-in/provider.ts'
import { registerSignInProvider, removeSignInProvider, replaceSignInProvider } from '#core/operators/sign-in/sign-in-providers.ts'
import { findSignInProvider, listSignInProviders, type SignInProviderRow } from '#db/operators/sign-in-providers.ts'
import { registerCollection, stamps } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, Name, Text, Time, Uri } from './schemas.ts'

const Rule = Type.Object({ group: Text('Compared byte for byte.', 255), role: Type.Enum([...operatorRoles]) }, closed)
const Token = (description: string) => Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,255}$', description })

const body = {
  name: Name,
  issuer: Uri('Exactly the `iss` of its ID tokens; https. Its keys are found by discovery.'),
  client_id: Token('Mayfly as that provider knows it: a public client with PKCE, and loopback redirects for the command line.'),
  console_client_id: Type.Optional(
    Token(
      "The console's client there, where that is another one: a web client that comes back to `<issuer of the tenant>/console/callback`.",
    ),
  ),
  audience: Type.Optional(Uri('The only `aud` accepted, where it is not the client id; `azp` must then be the client id.')),
  scopes: Type.Optional(
    Type.Array(Token('RFC 6749 § 3.3.'), {
      minItems: 1,
      maxItems: 16,
      uniqueItems: true,
      default: ['openid', 'profile', 'email'],
      description: 'What clients ask for; some providers send groups only when a scope says so.',
    }),
  ),
  groups_claim: Type.String({
    pattern: '^[A-Za-z0-9_.:/@#-]{1,128}$',
    description: 'Claim of the ID token that holds the groups: a list of texts, or one. Dots lead into nested claims.',
  }),
  rules: Type.Array(Rule, {
    minItems: 1,
    maxItems: 64,
    description: 'The first rule whose group the person has gives the role. No match, no session.',
  }),
  session_ttl_seconds: Type.Optional(
    Type.Integer({ minimum: 300, maximum: 86_400, default: DEFAULT_SESSION_TTL_SECONDS, description: 'Life of a session.' }),
  ),
  ca_pem: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 16_384,
      pattern: '^[\\x20-\\x7e\\r\\n]+$',
      description: "PEM of the CA that the provider's own HTTPS certificate comes from; left out: the public ones.",
    }),
  ),
}

const Body = Type.Object(body, {
  ...closed,
  examples: [
    {
      name: 'company login',
      issuer: 'https://login.example.com',
      client_id: 'mayfly',
      scopes: ['openid', 'profile', 'email', 'groups'],
      groups_claim: 'groups',
      rules: [
        { group: 'mayfly-admins', role: 'tenant-admin' },
        { group: 'security', role: 'approver' },
      ],
    },
  ],
})
const View = Type.Object({ id: Id('signInProvider'), created_at: Time, updated_at: Time, ...body }, closed)

/** A tenant-admin's own tenant's; a platform-admin's are the deployment's. */
export function signInProviderRoutes(app: V1App, deps: V1Deps): void {
  registerCollection<SignInProviderRow, typeof Body, typeof View, string | null>(app, deps, {
    path: '/v1/sign-in-providers',
    idKind: 'signInProvider',
    noun: 'sign-in provider',
    Body,
    View,
    ownerOf: actor => actor.tenantId,
    toView,
    list: listSignInProviders,
    find: findSignInProvider,
    create: registerSignInProvider as never,
    replace: replaceSignInProvider as never,
    remove: removeSignInProvider,
  })
}

function toView(row: SignInProviderRow): Static<typeof View> {
  const { rules, scopes, ...config } = row.config as SignInProviderConfig
  const { name, issuer, client_id } = row
  return { ...stamps('signInProvider', row), name, issuer, client_id, ...config, scopes: [...scopes], rules: [...rules] }
}
