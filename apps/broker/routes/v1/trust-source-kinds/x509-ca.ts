import { Type } from 'typebox'
import type { X509Config } from '#core/registry/trust-source-kinds/x509-ca.ts'
import { closed, Name, Uri } from '../schemas.ts'
import { Pattern, Pem, type TrustSourceKindView } from './trust-source-kind.ts'

const Crl = Type.Object(
  {
    pem: Type.Optional(
      Type.Array(
        Type.String({ minLength: 1, maxLength: 131_072, pattern: '^[\\x20-\\x7e\\r\\n]+$', description: 'One X509 CRL, PEM.' }),
        { minItems: 1, maxItems: 16, uniqueItems: true },
      ),
    ),
    url: Type.Optional(Uri('Where lists are fetched from, every five minutes: DER, or PEM with one or several; https.')),
    ca_pem: Type.Optional(Pem),
  },
  { ...closed, description: 'Every certificate below an anchor must then be covered by a current list of its issuer.' },
)

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
    crl: Type.Optional(Crl),
  },
  rule: {
    san_uri: Type.Optional(Pattern('For a certificate authority: pattern over the one URI name.')),
    san_dns: Type.Optional(Pattern('For a certificate authority: pattern over the one DNS name.')),
    san_ip: Type.Optional(Pattern('For a certificate authority: the one IP address.')),
    san_email: Type.Optional(Pattern('For a certificate authority: the one email address.')),
    subject_dn: Type.Optional(Pattern('For a certificate authority: the subject, RFC 4514.')),
  },
  example: { kind: 'x509_ca', name: 'workload-ca', anchors_pem: ['-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n'] },
  show: row => ({ ...(row.config as X509Config) }),
}
