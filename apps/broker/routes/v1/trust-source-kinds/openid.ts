import { Type } from 'typebox'
import { type OpenIdConfig, subjectTokenAlgorithms } from '#core/registry/trust-source-kinds/openid.ts'
import { closed, Name, Uri } from '../schemas.ts'
import { ClaimName, Pattern, Pem, type TrustSourceKindView } from './trust-source-kind.ts'

export const openIdView: TrustSourceKindView = {
  members: {
    kind: Type.Literal('openid'),
    name: Name,
    issuer: Uri('Exactly the `iss` of its tokens; https.'),
    audience: Type.Optional(Uri("The only `aud` accepted; dedicated to this trust source. Left out: the tenant's own issuer.")),
    jwks_uri: Type.Optional(Uri('Where its keys are; left out: found by discovery. https.')),
    algorithms: Type.Optional(
      Type.Array(Type.Enum([...subjectTokenAlgorithms]), {
        minItems: 1,
        maxItems: 11,
        uniqueItems: true,
        default: ['RS256', 'ES256'],
      }),
    ),
    max_age_seconds: Type.Optional(
      Type.Integer({ minimum: 60, maximum: 86_400, default: 3600, description: 'Older tokens, by `iat`, are refused.' }),
    ),
    ca_pem: Type.Optional(Pem),
  },
  rule: {
    claims: Type.Optional(
      Type.Record(Type.String({ pattern: ClaimName }), Pattern('Anchored pattern; `*` is one segment, `**` the rest.'), {
        ...closed,
        maxProperties: 16,
        description: 'For an OpenID issuer: claim → pattern. `sub` is required.',
      }),
    ),
  },
  example: {
    kind: 'openid',
    name: 'github-actions',
    issuer: 'https://token.actions.githubusercontent.com',
    algorithms: ['RS256'],
  },
  show: row => ({ issuer: row.issuer, audience: row.audience, ...(row.config as OpenIdConfig) }),
}
