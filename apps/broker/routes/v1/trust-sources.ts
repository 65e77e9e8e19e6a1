import { type Static, Type } from 'typebox'
import type { OpenIdConfig, X509Config } from '#core/registry/trust-source.ts'
import { registerTrustSource, removeTrustSource, replaceTrustSource } from '#core/registry/trust-sources.ts'
import { subjectTokenAlgorithms } from '#core/registry/validate-trust-source.ts'
import { findTrustSource, listTrustSources, type TrustSourceRow } from '#db/registry/trust-sources.ts'
import { registerCollection, stamps } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, Name, Time, Uri } from './schemas.ts'

const Pem = Type.String({
  minLength: 1,
  maxLength: 16_384,
  pattern: '^[\\x20-\\x7e\\r\\n]+$',
  description: 'One certificate, PEM.',
})

const openId = {
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
}
const x509 = {
  kind: Type.Literal('x509_ca'),
  name: Name,
  anchors_pem: Type.Array(Pem, {
    minItems: 1,
    maxItems: 16,
    uniqueItems: true,
    description: 'Authorities whose client certificates prove workloads.',
  }),
}
const shown = { id: Id('trustSource'), created_at: Time, updated_at: Time }
const discriminator = { discriminator: { propertyName: 'kind' } }

const Body = Type.Union([Type.Object(openId, closed), Type.Object(x509, closed)], {
  ...discriminator,
  examples: [
    { kind: 'openid', name: 'github-actions', issuer: 'https://token.actions.githubusercontent.com', algorithms: ['RS256'] },
    { kind: 'x509_ca', name: 'workload-ca', anchors_pem: ['-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n'] },
  ],
})
const View = Type.Union([Type.Object({ ...shown, ...openId }, closed), Type.Object({ ...shown, ...x509 }, closed)], discriminator)

export function trustSourceRoutes(app: V1App, deps: V1Deps): void {
  registerCollection(app, deps, {
    path: '/v1/trust-sources',
    idKind: 'trustSource',
    noun: 'trust source',
    Body,
    View,
    toView,
    list: listTrustSources,
    find: findTrustSource,
    create: registerTrustSource,
    replace: replaceTrustSource,
    remove: removeTrustSource,
  })
}

function toView(row: TrustSourceRow): Static<typeof View> {
  const both = { ...stamps('trustSource', row), name: row.name }
  if (row.kind === 'x509_ca') return { ...both, kind: 'x509_ca', anchors_pem: [...(row.config as X509Config).anchors_pem] }
  const config = row.config as OpenIdConfig
  return {
    ...both,
    kind: 'openid',
    issuer: row.issuer!,
    audience: row.audience!,
    ...config,
    algorithms: [...config.algorithms] as never,
  }
}
