// A SPIFFE trust domain. Its bundle is given by the operator, as a document or as the address that it is fetched from; no
// certificate and no token ever says where keys are.

import { trustDomainOf } from '#core/enrolment/trust-domain.ts'
import { findPatternFault } from '#core/subject/claim-pattern.ts'
import { isTrustDomain } from '#core/subject/spiffe-id.ts'
import { readSpiffeBundle } from '#core/trust-material/spiffe-bundle.ts'
import { findAnchorFault } from '../anchor-fault.ts'
import { findHttpsFault } from '../url-faults.ts'
import {
  type CheckedTrustSource,
  type Complain,
  collectProblems,
  type IssuerContext,
  type TrustSourceKind,
} from './trust-source-kind.ts'

export interface SpiffeTrustSource {
  readonly kind: 'spiffe'
  readonly id: string
  readonly name: string
  readonly trustDomain: string
  /** Exactly one of both. */
  readonly bundle: Readonly<Record<string, unknown>> | undefined
  readonly bundleUrl: string | undefined
  /** PEM of the CA that the endpoint's own HTTPS certificate must come from; undefined: the public ones. */
  readonly caPem: string | undefined
}

/** What `trust_source.config` holds. */
export interface SpiffeConfig {
  readonly trust_domain: string
  /** SPIFFE bundle: a JWK Set. */
  readonly bundle?: Readonly<Record<string, unknown>>
  readonly bundle_url?: string
  readonly ca_pem?: string
}

export interface SpiffeInput extends SpiffeConfig {
  readonly kind: 'spiffe'
  readonly name: string
}

export interface SpiffeRule {
  /** Pattern over the whole ID: `spiffe://example.org/agents/*`. */
  readonly spiffe_id: string
}

export const spiffeKind: TrustSourceKind<SpiffeInput, SpiffeTrustSource, SpiffeRule> = {
  kind: 'spiffe',
  ruleMembers: ['spiffe_id'],
  ruleHint: 'The trust source is a SPIFFE trust domain: use spiffe_id.',
  validate,
  toSource: ({ id, name, config }) => {
    const { trust_domain, bundle, bundle_url, ca_pem } = config as SpiffeConfig
    return { kind: 'spiffe', id, name, trustDomain: trust_domain, bundle, bundleUrl: bundle_url, caPem: ca_pem }
  },
  checkRule: ({ spiffe_id = '' }, complain) => {
    if (!spiffe_id.startsWith('spiffe://'))
      complain('/spiffe_id', 'Write a pattern over the whole ID, which begins with spiffe://.')
    else complain('/spiffe_id', findPatternFault(spiffe_id))
    return { spiffe_id }
  },
}

function validate({ kind, name, ...config }: SpiffeInput, { baseUrl }: IssuerContext): CheckedTrustSource {
  const { problems, complain } = collectProblems()
  if (!isTrustDomain(config.trust_domain))
    complain('/trust_domain', 'Write it as in spiffe://<trust domain>/…: a-z, 0-9, . _ and -.')
  // Its IDs would be those that the built-in CA gives, under another authority.
  if (config.trust_domain.endsWith(trustDomainOf(baseUrl, '')))
    complain('/trust_domain', 'Trust domains below the host of this deployment belong to the built-in authorities.')
  if ((config.bundle === undefined) === (config.bundle_url === undefined))
    complain('', 'Give exactly one of bundle and bundle_url.')
  if (config.bundle !== undefined) complainOfBundle(config.bundle, complain)
  if (config.bundle_url !== undefined) complain('/bundle_url', findHttpsFault(config.bundle_url, { query: true }))
  if (config.ca_pem !== undefined) complain('/ca_pem', findAnchorFault(config.ca_pem))
  return { values: { name, kind, issuer: `spiffe://${config.trust_domain}`, audience: null, config }, problems }
}

function complainOfBundle(document: unknown, complain: Complain): void {
  try {
    const { bundle, faults } = readSpiffeBundle(document)
    for (const fault of faults) complain('/bundle', fault)
    if (faults.length === 0 && bundle.authorities.length + bundle.jwtKeys.size === 0)
      complain('/bundle', 'It holds no key with use x509-svid or jwt-svid.')
  } catch (error) {
    complain('/bundle', (error as Error).message)
  }
}
