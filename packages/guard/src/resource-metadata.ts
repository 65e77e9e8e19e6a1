// What the resource says about itself (RFC 9728), so that a client that was refused finds the issuer.

import type { DpopProofs } from './dpop/dpop-proofs.ts'
import type { GuardSettings } from './options.ts'
import { detailTypes } from './permission/detail.ts'

/** The RFC 9728 document. */
export interface ResourceMetadata {
  readonly resource: string
  readonly authorization_servers: readonly string[]
  readonly bearer_methods_supported: readonly string[]
  readonly authorization_details_types_supported: readonly string[]
  readonly scopes_supported?: readonly string[]
  readonly tls_client_certificate_bound_access_tokens: boolean
  readonly dpop_signing_alg_values_supported?: readonly string[]
  readonly dpop_bound_access_tokens_required?: boolean
}

/**
 * Where the document is served (RFC 9728 § 3.1): the well-known part goes between host and path. Undefined for a resource
 * that is no http(s) URL.
 */
export function metadataAddress(resource: string): URL | undefined {
  const url = new URL(resource)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined
  const path = url.pathname === '/' ? '' : url.pathname
  return new URL(`/.well-known/oauth-protected-resource${path}${url.search}`, url.origin)
}

/** The document of a guarded resource. */
export function resourceMetadata(settings: GuardSettings, proofs: DpopProofs | undefined): ResourceMetadata {
  return {
    resource: settings.resource,
    authorization_servers: [settings.issuer],
    bearer_methods_supported: ['header'],
    authorization_details_types_supported: detailTypes,
    ...(settings.scopes ? { scopes_supported: settings.scopes } : {}),
    tls_client_certificate_bound_access_tokens: true,
    ...(proofs && {
      dpop_signing_alg_values_supported: proofs.algorithms,
      dpop_bound_access_tokens_required: proofs.required,
    }),
  }
}
