import { Type } from 'typebox'
import type { SpiffeConfig } from '#core/registry/trust-source-kinds/spiffe.ts'
import { Name, Uri } from '../schemas.ts'
import { Pattern, Pem, type TrustSourceKindView } from './trust-source-kind.ts'

export const spiffeView: TrustSourceKindView = {
  members: {
    kind: Type.Literal('spiffe'),
    name: Name,
    trust_domain: Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'Without spiffe://; one trust source has it in a tenant.',
    }),
    bundle: Type.Optional(
      Type.Object(
        { keys: Type.Array(Type.Object({}, { additionalProperties: true }), { maxItems: 64 }) },
        { additionalProperties: true, description: 'SPIFFE bundle: keys with use x509-svid and jwt-svid. This or bundle_url.' },
      ),
    ),
    bundle_url: Type.Optional(Uri('Where the bundle is fetched from, and again as its spiffe_refresh_hint says; https.')),
    ca_pem: Type.Optional(Pem),
  },
  rule: { spiffe_id: Type.Optional(Pattern('For a SPIFFE trust domain: pattern over the whole ID.')) },
  example: {
    kind: 'spiffe',
    name: 'production-mesh',
    trust_domain: 'prod.example',
    bundle_url: 'https://spire.prod.example/bundle',
  },
  show: row => ({ ...(row.config as SpiffeConfig) }),
}
