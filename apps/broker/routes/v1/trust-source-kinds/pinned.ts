import { Type } from 'typebox'
import { Name } from '../schemas.ts'
import type { TrustSourceKindView } from './trust-source-kind.ts'

export const pinnedView: TrustSourceKindView = {
  members: { kind: Type.Literal('pinned'), name: Name },
  rule: {
    certificate_thumbprint: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{43}$',
        description: 'For pinned keys: x5t#S256 of a self-signed client certificate.',
      }),
    ),
    jwk: Type.Optional(
      Type.Object(
        { kty: Type.Enum(['EC', 'OKP', 'RSA']) },
        { additionalProperties: true, description: 'For pinned keys: public JWK, for private_key_jwt and DPoP.' },
      ),
    ),
  },
  example: { kind: 'pinned', name: 'laptops' },
  show: () => ({}),
}
