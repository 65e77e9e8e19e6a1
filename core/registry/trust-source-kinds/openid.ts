// An OpenID issuer: CI, Kubernetes, cloud. Each rule closes a way in: a token meant for somebody else, a key that the issuer
// never published.

import { subjectTokenAlgorithms } from '#core/jwt/signature-algorithms.ts'
import { findPatternFault } from '#core/subject/claim-pattern.ts'
import { findAnchorFault } from '../anchor-fault.ts'
import { isOwnUri } from '../issuer.ts'
import { findAnchorlessFault, type PresetName, trustSourcePresets } from '../trust-source-presets.ts'
import { findHttpsFault } from '../url-faults.ts'
import { type CheckedTrustSource, collectProblems, type IssuerContext, type TrustSourceKind } from './trust-source-kind.ts'

/** Tokens must carry exactly `issuer` and, as their only audience, `audience`. */
export interface OpenIdTrustSource {
  readonly kind: 'openid'
  readonly id: string
  readonly name: string
  readonly issuer: string
  readonly audience: string
  /** Where the keys are; undefined: found by discovery at the issuer. Always https. */
  readonly jwksUri: string | undefined
  /** Accepted JWS algorithms; asymmetric only. */
  readonly algorithms: readonly string[]
  /** A token older than this (by `iat`) is refused even if its `exp` is later. Seconds. */
  readonly maxAgeSeconds: number
  /** PEM of the CA that the issuer's own HTTPS certificate must come from; undefined: the public ones. */
  readonly caPem: string | undefined
  readonly preset: PresetName | undefined
  /** Whether it may send its users' assertions (`core/id-jag`). */
  readonly idJag: boolean
}

/** What `trust_source.config` holds, beside the columns of the row. */
export interface OpenIdConfig {
  readonly jwks_uri?: string
  readonly algorithms: readonly string[]
  readonly max_age_seconds: number
  readonly ca_pem?: string
  readonly preset?: PresetName
  readonly id_jag?: boolean
}

export interface OpenIdInput extends Partial<OpenIdConfig> {
  readonly kind: 'openid'
  readonly name: string
  /** Left out: the one of the preset. */
  readonly issuer?: string
  readonly audience?: string
}

export interface OpenIdRule {
  /** Claim name (dotted path for nested ones) → pattern. A rule without `sub` is fulfilled by users' assertions only. */
  readonly claims: Readonly<Record<string, string>>
}

/** Audiences that an issuer puts into tokens by default or for others: accepting one would accept tokens not meant for us. */
const sharedAudiences = new Set([
  'https://kubernetes.default.svc',
  'https://kubernetes.default.svc.cluster.local',
  'kubernetes.default.svc',
  'sts.amazonaws.com',
  'api://AzureADTokenExchange',
  'sigstore',
  'account',
])

export const openIdKind: TrustSourceKind<OpenIdInput, OpenIdTrustSource, OpenIdRule> = {
  kind: 'openid',
  ruleMembers: ['claims'],
  ruleHint: 'The trust source is an OpenID issuer: use claims.',
  validate,
  toSource: ({ id, name, issuer, audience, config }) => {
    const { jwks_uri, algorithms, max_age_seconds, ca_pem, preset, id_jag = false } = config as OpenIdConfig
    const stored = { jwksUri: jwks_uri, algorithms, maxAgeSeconds: max_age_seconds, caPem: ca_pem, preset, idJag: id_jag }
    return { kind: 'openid', id, name, issuer: issuer!, audience: audience!, ...stored }
  },
  checkRule: ({ claims = {} }, complain, config) => {
    const { preset, id_jag } = config as OpenIdConfig
    if (!Object.hasOwn(claims, 'sub') && !(id_jag && Object.keys(claims).length > 0))
      complain('/claims', 'A pattern for sub is required.')
    for (const [claim, pattern] of Object.entries(claims)) complain(`/claims/${escapePointer(claim)}`, findPatternFault(pattern))
    if (preset !== undefined) complain('/claims', findAnchorlessFault(trustSourcePresets[preset], claims))
    return { claims }
  },
}

function validate(input: OpenIdInput, context: IssuerContext): CheckedTrustSource {
  const { problems, complain } = collectProblems()
  const preset = input.preset && trustSourcePresets[input.preset]
  const issuer = input.issuer ?? preset?.issuer ?? ''
  const audience = input.audience ?? context.ownIssuer
  const issuerFault = issuer === '' ? 'Name the issuer: exactly the iss of its tokens.' : findHttpsFault(issuer, { query: false })
  complain('/issuer', issuerFault)
  if (isOwnUri(context.baseUrl, issuer)) complain('/issuer', 'Mayfly cannot be its own trust source.')
  complain('/audience', findAudienceFault(audience, context))
  if (!issuerFault && preset?.isSharedAudience(audience, issuer)) complain('/audience', sharedAudienceFault)
  if (preset && input.id_jag) complain('/id_jag', 'Such an issuer knows workloads and has no users to speak for.')
  if (input.jwks_uri !== undefined) complain('/jwks_uri', findHttpsFault(input.jwks_uri, { query: true }))
  const algorithms = input.algorithms ?? preset?.algorithms ?? ['RS256', 'ES256']
  for (const [i, name] of algorithms.entries())
    if (!(subjectTokenAlgorithms as readonly string[]).includes(name))
      complain(`/algorithms/${i}`, `Only asymmetric algorithms are accepted: ${subjectTokenAlgorithms.join(', ')}.`)
  if (input.ca_pem !== undefined) complain('/ca_pem', findAnchorFault(input.ca_pem))
  const config: OpenIdConfig = {
    algorithms,
    max_age_seconds: input.max_age_seconds ?? preset?.maxAgeSeconds ?? 3600,
    ...(input.jwks_uri !== undefined && { jwks_uri: input.jwks_uri }),
    ...(input.ca_pem !== undefined && { ca_pem: input.ca_pem }),
    ...(input.preset !== undefined && { preset: input.preset }),
    ...(input.id_jag !== undefined && { id_jag: input.id_jag }),
  }
  return { values: { name: input.name, kind: 'openid', issuer, audience, config }, problems }
}

const sharedAudienceFault = 'This audience is shared by many. Choose one that only Mayfly accepts, or leave it out.'

function findAudienceFault(audience: string, context: IssuerContext): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(audience)) return 'Write it in printable ASCII without spaces.'
  if (sharedAudiences.has(audience)) return sharedAudienceFault
  if (isOwnUri(context.baseUrl, audience) && audience !== context.ownIssuer)
    return 'This audience belongs to another issuer of this deployment. Leave it out to use your own.'
  return undefined
}

/** RFC 6901 § 3. */
const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
