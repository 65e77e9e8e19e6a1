// RFC 8414 metadata and RFC 7517 keys, one of each for every tenant.

import type { FastifyPluginCallback } from 'fastify'
import { dpopAlgorithms } from '#core/dpop/proof-key.ts'
import { accessTokenType, grantTypes, subjectTokenTypes } from '#core/exchange/exchange-request.ts'
import { proofAlgorithms } from '#core/jwt/signature-algorithms.ts'
import { signingAlgorithms } from '#core/keys/signing-key.ts'
import { permissionTypeNames } from '#core/permission/types.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { Tenant } from '#core/registry/tenant.ts'
import { resolveTenant } from './tenant-of-path.ts'

export interface MetadataRouteDeps {
  readonly directory: TenantDirectory
  readonly publicUrl: string
  readonly mtlsUrl: string
}

/** RFC 8414 § 3: the well-known part goes between host and path; some clients look behind the path, so both are served. */
const metadataPaths = [
  '/.well-known/oauth-authorization-server',
  '/.well-known/oauth-authorization-server/t/:slug',
  '/t/:slug/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/.well-known/openid-configuration/t/:slug',
  '/t/:slug/.well-known/openid-configuration',
]

export const metadataRoutes: FastifyPluginCallback<MetadataRouteDeps> = (app, deps, done) => {
  for (const url of metadataPaths)
    app.get<{ Params: { slug?: string } }>(url, { schema: { hide: true } }, async (request, reply) => {
      const { tenant, anonymousAgentId } = await resolveTenant(deps.directory, request.params.slug)
      return reply.header('cache-control', 'public, max-age=300').send({
        ...describeIssuer(tenant, deps),
        ...(anonymousAgentId && { anonymous_challenge_endpoint: `${tenant.issuer}/anonymous/challenge` }),
      })
    })
  for (const url of ['/jwks', '/t/:slug/jwks'])
    app.get<{ Params: { slug?: string } }>(url, { schema: { hide: true } }, async (request, reply) => {
      const { jwks } = await resolveTenant(deps.directory, request.params.slug)
      return reply
        .header('content-type', 'application/jwk-set+json')
        .header('cache-control', 'public, max-age=60')
        .send(JSON.stringify(jwks))
    })
  done()
}

const clientAuthMethods = ['none', 'tls_client_auth', 'self_signed_tls_client_auth', 'private_key_jwt']

function describeIssuer(tenant: Tenant, { publicUrl, mtlsUrl }: MetadataRouteDeps): Record<string, unknown> {
  const { issuer } = tenant
  const onMtls = issuer.replace(publicUrl, mtlsUrl)
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    introspection_endpoint: `${issuer}/introspect`,
    introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
    introspection_signing_alg_values_supported: signingAlgorithms,
    revocation_endpoint: `${issuer}/revoke`,
    revocation_endpoint_auth_methods_supported: clientAuthMethods,
    revocation_endpoint_auth_signing_alg_values_supported: proofAlgorithms,
    challenge_endpoint: `${issuer}/challenge`,
    response_types_supported: [],
    grant_types_supported: Object.values(grantTypes),
    token_endpoint_auth_methods_supported: clientAuthMethods,
    token_endpoint_auth_signing_alg_values_supported: proofAlgorithms,
    tls_client_certificate_bound_access_tokens: true,
    mtls_endpoint_aliases: {
      token_endpoint: `${onMtls}/token`,
      revocation_endpoint: `${onMtls}/revoke`,
      enrolment_endpoint: `${onMtls}/enroll`,
      account_endpoint: `${onMtls}/account`,
    },
    enrolment_endpoint: `${issuer}/enroll`,
    account_endpoint: `${issuer}/account`,
    dpop_signing_alg_values_supported: dpopAlgorithms,
    authorization_details_types_supported: permissionTypeNames,
    subject_token_types_supported: [...subjectTokenTypes, accessTokenType],
    service_documentation: `${publicUrl}/openapi.json`,
  }
}
