import { Type } from 'typebox'
import type { X509Config } from '#core/registry/trust-source-kinds/x509-ca.ts'
import { Name } from '../schemas.ts'
import { Pattern, Pem, type TrustSourceKindView } from './trust-source-kind.ts'

export const x509CaView: TrustSourceKindView = {
  members: {
    kind: Type.Literal('x509_ca'),
    name: Name,
    anchors_pem: Type.Array(Pem, {
      minItems: 1,
      maxItems: 16,
      uniqueItems: true,
      description: 'Authorities whose client certificates prove workloads.',
    }),
  },
  rule: {
    san_uri: Type.Optional(Pattern('For a certificate authority: pattern over the one URI name.')),
    san_dns: Type.Optional(Pattern('For a certificate authority: pattern over the one DNS name.')),
    subject_dn: Type.Optional(Pattern('For a certificate authority: the subject, RFC 4514.')),
  },
  example: { kind: 'x509_ca', name: 'workload-ca', anchors_pem: ['-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n'] },
  show: row => ({ ...(row.config as X509Config) }),
}
