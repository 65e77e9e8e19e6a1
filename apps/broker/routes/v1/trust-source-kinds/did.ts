import { Type } from 'typebox'
import { didMethods } from '#core/did/parse-did.ts'
import type { DidConfig } from '#core/registry/trust-source-kinds/did.ts'
import { closed, Name, Uri } from '../schemas.ts'
import { Pattern, Pem, type TrustSourceKindView } from './trust-source-kind.ts'

export const didView: TrustSourceKindView = {
  members: {
    kind: Type.Literal('did'),
    name: Name,
    methods: Type.Array(Type.Enum([...didMethods]), {
      minItems: 1,
      maxItems: didMethods.length,
      uniqueItems: true,
      description: 'DID methods that are resolved.',
    }),
    ca_pem: Type.Optional(Pem),
    credential_issuers: Type.Optional(
      Type.Array(
        Type.Object(
          {
            issuer: Uri('Exactly the `issuer` of its credentials: an https URL or a DID.'),
            jwks_uri: Type.Optional(Uri('Where its keys are; left out: by discovery, or in the document of its DID. https.')),
          },
          closed,
        ),
        { minItems: 1, maxItems: 16, description: 'Who may vouch for a DID by a verifiable credential.' },
      ),
    ),
  },
  rule: {
    did: Type.Optional(Pattern('For DIDs: pattern over the whole identifier.')),
    credential_type: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'For DIDs: a type that the credential of a configured issuer must have.',
      }),
    ),
  },
  example: {
    kind: 'did',
    name: 'partner-agents',
    methods: ['did:web', 'did:key'],
    credential_issuers: [{ issuer: 'https://credentials.partner.example', jwks_uri: 'https://credentials.partner.example/jwks' }],
  },
  show: row => ({ ...(row.config as DidConfig) }),
}
