// What a trust source must be beyond its shape. Each rule closes a way in: a token meant for somebody else, a key that the
// issuer never published, an anchor that is no authority.

import { X509Certificate } from 'node:crypto'
import type { ValidationProblem } from '#core/errors/validation-error.ts'
import type { TrustSourceValues } from '#db/registry/trust-sources.ts'
import { isOwnUri } from './issuer.ts'
import type { OpenIdConfig, X509Config } from './trust-source.ts'
import { findHttpsFault } from './url-faults.ts'

/** RFC 8725 § 3.1: asymmetric only. A symmetric one would make the issuer's public key a signing key. */
export const subjectTokenAlgorithms = [
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
  'EdDSA',
  'Ed25519',
] as const

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

export interface OpenIdInput {
  readonly kind: 'openid'
  readonly name: string
  readonly issuer: string
  readonly audience?: string
  readonly jwks_uri?: string
  readonly algorithms?: readonly string[]
  readonly max_age_seconds?: number
  readonly ca_pem?: string
}
export interface X509Input {
  readonly kind: 'x509_ca'
  readonly name: string
  readonly anchors_pem: readonly string[]
}
export type TrustSourceInput = OpenIdInput | X509Input

export interface IssuerContext {
  readonly baseUrl: string
  /** The tenant's own issuer: the audience when none is named. */
  readonly ownIssuer: string
}

type Checked = { readonly values: TrustSourceValues; readonly problems: readonly ValidationProblem[] }

/** The row to store and everything that is wrong with it. */
export function validateTrustSource(input: TrustSourceInput, context: IssuerContext): Checked {
  return input.kind === 'openid' ? validateOpenId(input, context) : validateX509(input)
}

function validateOpenId(input: OpenIdInput, context: IssuerContext): Checked {
  const problems: ValidationProblem[] = []
  const complain = (pointer: string, detail: string | undefined) => detail !== undefined && problems.push({ pointer, detail })
  const audience = input.audience ?? context.ownIssuer
  complain('/issuer', findHttpsFault(input.issuer, { query: false }))
  if (isOwnUri(context.baseUrl, input.issuer)) complain('/issuer', 'Mayfly cannot be its own trust source.')
  complain('/audience', findAudienceFault(audience, context))
  if (input.jwks_uri !== undefined) complain('/jwks_uri', findHttpsFault(input.jwks_uri, { query: true }))
  const algorithms = input.algorithms ?? ['RS256', 'ES256']
  for (const [i, name] of algorithms.entries())
    if (!(subjectTokenAlgorithms as readonly string[]).includes(name))
      complain(`/algorithms/${i}`, `Only asymmetric algorithms are accepted: ${subjectTokenAlgorithms.join(', ')}.`)
  if (input.ca_pem !== undefined) complain('/ca_pem', findAnchorFault(input.ca_pem))
  const config: OpenIdConfig = {
    algorithms,
    max_age_seconds: input.max_age_seconds ?? 3600,
    ...(input.jwks_uri !== undefined && { jwks_uri: input.jwks_uri }),
    ...(input.ca_pem !== undefined && { ca_pem: input.ca_pem }),
  }
  return { values: { name: input.name, kind: 'openid', issuer: input.issuer, audience, config }, problems }
}

function findAudienceFault(audience: string, context: IssuerContext): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(audience)) return 'Write it in printable ASCII without spaces.'
  if (sharedAudiences.has(audience))
    return 'This audience is shared by many. Choose one that only Mayfly accepts, or leave it out.'
  if (isOwnUri(context.baseUrl, audience) && audience !== context.ownIssuer)
    return 'This audience belongs to another issuer of this deployment. Leave it out to use your own.'
  return undefined
}

function validateX509(input: X509Input): Checked {
  const problems: ValidationProblem[] = []
  for (const [i, pem] of input.anchors_pem.entries()) {
    const detail = findAnchorFault(pem)
    if (detail !== undefined) problems.push({ pointer: `/anchors_pem/${i}`, detail })
  }
  const config: X509Config = { anchors_pem: input.anchors_pem }
  return { values: { name: input.name, kind: 'x509_ca', issuer: null, audience: null, config }, problems }
}

/** A PEM text with one certificate that may issue others (RFC 5280 § 4.2.1.9). */
function findAnchorFault(pem: string): string | undefined {
  const blocks = pem.match(/-----BEGIN [A-Z0-9 ]+-----/g) ?? []
  if (blocks.some(block => block.includes('PRIVATE KEY')))
    return 'This holds a private key. Send the certificate only, and replace that key.'
  if (blocks.length !== 1 || blocks[0] !== '-----BEGIN CERTIFICATE-----') return 'Send exactly one PEM certificate in each entry.'
  try {
    if (!new X509Certificate(pem).ca) return 'This certificate is not one of a certificate authority (CA=TRUE).'
  } catch {
    return 'This is not a readable PEM certificate.'
  }
  return undefined
}
