// Decentralised identifiers: an agent signs our nonce with a key of its DID. Whom a DID belongs to nobody says, so a rule names
// it, or names what a credential issuer says of it.

import { type DidMethod, didMethods, parseDid } from '#core/did/parse-did.ts'
import { findPatternFault } from '#core/subject/claim-pattern.ts'
import { findAnchorFault } from '../anchor-fault.ts'
import { isOwnUri } from '../issuer.ts'
import { findHttpsFault } from '../url-faults.ts'
import {
  type CheckedTrustSource,
  type Complain,
  collectProblems,
  type IssuerContext,
  type TrustSourceKind,
} from './trust-source-kind.ts'

/** Who may vouch for a DID by a verifiable credential. */
export interface CredentialIssuer {
  /** Its `issuer`: an https URL or a DID. */
  readonly issuer: string
  /** Where its keys are; left out: found by discovery at the issuer, or in the document of its DID. */
  readonly jwks_uri?: string
}

export interface DidTrustSource {
  readonly kind: 'did'
  readonly id: string
  readonly name: string
  readonly methods: readonly DidMethod[]
  /** PEM of the CA that servers of `did:web` documents and issuers' keys must come from; undefined: the public ones. */
  readonly caPem: string | undefined
  readonly credentialIssuers: readonly CredentialIssuer[]
}

/** What `trust_source.config` holds. */
export interface DidConfig {
  readonly methods: readonly DidMethod[]
  readonly ca_pem?: string
  readonly credential_issuers?: readonly CredentialIssuer[]
}

export interface DidInput extends DidConfig {
  readonly kind: 'did'
  readonly name: string
}

export interface DidRule {
  /** Pattern over the whole DID. */
  readonly did: string
  /** A type that a credential of a configured issuer must give to the DID. */
  readonly credential_type?: string
}

export const didKind: TrustSourceKind<DidInput, DidTrustSource, DidRule> = {
  kind: 'did',
  ruleMembers: ['did', 'credential_type'],
  ruleHint: 'The trust source is a DID method: use did, and credential_type where a credential must vouch for it.',
  validate,
  toSource: ({ id, name, config }) => {
    const { methods, ca_pem, credential_issuers = [] } = config as DidConfig
    return { kind: 'did', id, name, methods, caPem: ca_pem, credentialIssuers: credential_issuers }
  },
  checkRule: ({ did = '', credential_type }, complain) => {
    complain('/did', findDidPatternFault(did, credential_type !== undefined))
    if (credential_type === 'VerifiableCredential')
      complain('/credential_type', 'Every credential has this type; name the one that makes the difference.')
    return { did, ...(credential_type !== undefined && { credential_type }) }
  },
}

/** Anybody can make a DID, so a pattern that stands for everybody's is a rule only where a credential tells them apart. */
function findDidPatternFault(pattern: string, vouched: boolean): string | undefined {
  const [scheme, method, who] = pattern.split(':')
  if (scheme !== 'did' || !didMethods.some(known => known === `did:${method}`))
    return `Write a pattern over the whole identifier, which begins with ${didMethods.map(known => `${known}:`).join(' or ')}.`
  const fault = findPatternFault(pattern)
  if (fault !== undefined) return fault
  if (!pattern.includes('*')) return parseDid(pattern) ? undefined : 'This is no DID that can be resolved here.'
  if (who?.includes('*') && !vouched)
    return 'Anybody can make such an identifier: write out the host or the key, or ask for a credential_type.'
  return undefined
}

function validate({ kind, name, ...config }: DidInput, context: IssuerContext): CheckedTrustSource {
  const { problems, complain } = collectProblems()
  if (config.ca_pem !== undefined) complain('/ca_pem', findAnchorFault(config.ca_pem))
  const issuers = config.credential_issuers ?? []
  for (const [i, entry] of issuers.entries()) {
    checkIssuer(entry, context, (pointer, detail) => complain(`/credential_issuers/${i}${pointer}`, detail))
    if (issuers.findIndex(({ issuer }) => issuer === entry.issuer) !== i)
      complain(`/credential_issuers/${i}/issuer`, 'This issuer is listed twice.')
  }
  return { values: { name, kind, issuer: null, audience: null, config }, problems }
}

function checkIssuer({ issuer, jwks_uri }: CredentialIssuer, { baseUrl }: IssuerContext, complain: Complain): void {
  if (jwks_uri !== undefined) complain('/jwks_uri', findHttpsFault(jwks_uri, { query: true }))
  if (!issuer.startsWith('did:')) {
    complain('/issuer', findHttpsFault(issuer, { query: false }))
    if (isOwnUri(baseUrl, issuer)) complain('/issuer', 'Mayfly issues no credentials.')
  } else if (!parseDid(issuer)) complain('/issuer', 'This is no DID that can be resolved here.')
  else if (jwks_uri !== undefined) complain('/jwks_uri', 'The keys of a DID stand in its document.')
}
