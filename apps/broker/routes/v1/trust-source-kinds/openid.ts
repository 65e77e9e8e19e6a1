import { Type } from 'typebox'
import { subjectTokenAlgorithms } from '#core/jwt/signature-algorithms.ts'
import type { OpenIdConfig } from '#core/registry/trust-source-kinds/openid.ts'
import { presetNames } from '#core/registry/trust-source-presets.ts'
import { closed, Name, Uri } from '../schemas.ts'
import { ClaimName, Pattern, Pem, type TrustSourceKindView } from './trust-source-kind.ts'

export const openIdView: TrustSourceKindView = {
  members: {
    kind: Type.Literal('openid'),
    name: Name,
    preset: Type.Optional(
      Type.Enum([...presetNames], {
        description:
          'A well-known kind of issuer: what is left out is taken from there, and rules must name whose workload it is.',
      }),
    ),
    issuer: Type.Optional(Uri('Exactly the `iss` of its tokens; https. Left out: the one of the preset, where it has one.')),
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
    id_jag: Type.Optional(
      Type.Boolean({ default: false, description: 'Whether it may send ID-JAGs: assertions that a user acts through an agent.' }),
    ),
  },
  rule: {
    claims: Type.Optional(
      Type.Record(Type.String({ pattern: ClaimName }), Pattern('Anchored pattern; `*` is one segment, `**` the rest.'), {
        ...closed,
        maxProperties: 16,
        description: 'For an OpenID issuer: claim → pattern. `sub` is required, save where only ID-JAGs are meant.',
      }),
    ),
  },
  example: { kind: 'openid', name: 'github-actions', preset: 'github' },
  show: row => ({ issuer: row.issuer, audience: row.audience, ...(row.config as OpenIdConfig) }),
}
