// A certificate authority whose client certificates prove workloads over mTLS.

import 'reflect-metadata'
import { Name } from '@peculiar/x509'
import { findPatternFault } from '#core/subject/claim-pattern.ts'
import { findAnchorFault } from '../anchor-fault.ts'
import { type CheckedTrustSource, type Complain, collectProblems, type TrustSourceKind } from './trust-source-kind.ts'

export interface X509TrustSource {
  readonly kind: 'x509_ca'
  readonly id: string
  readonly name: string
  /** PEM of each anchor. The presented chain must end in one of these, whatever else the listener accepts. */
  readonly anchorsPem: readonly string[]
}

/** What `trust_source.config` holds. */
export interface X509Config {
  readonly anchors_pem: readonly string[]
}

export interface X509Input extends X509Config {
  readonly kind: 'x509_ca'
  readonly name: string
}

export interface X509Rule {
  /** Exactly one of them. `uri` and `dns` are patterns over a subject alternative name, `subject_dn` is compared as parsed DN. */
  readonly san_uri?: string
  readonly san_dns?: string
  readonly subject_dn?: string
}

const names = ['san_uri', 'san_dns', 'subject_dn'] as const

export const x509CaKind: TrustSourceKind<X509Input, X509TrustSource, X509Rule> = {
  kind: 'x509_ca',
  ruleMembers: names,
  ruleHint: 'The trust source is a certificate authority: use a name.',
  validate,
  toSource: ({ id, name, config }) => ({ kind: 'x509_ca', id, name, anchorsPem: (config as X509Config).anchors_pem }),
  checkRule,
}

function validate(input: X509Input): CheckedTrustSource {
  const { problems, complain } = collectProblems()
  for (const [i, pem] of input.anchors_pem.entries()) complain(`/anchors_pem/${i}`, findAnchorFault(pem))
  const config: X509Config = { anchors_pem: input.anchors_pem }
  return { values: { name: input.name, kind: 'x509_ca', issuer: null, audience: null, config }, problems }
}

function checkRule(rule: X509Rule, complain: Complain): X509Rule {
  const given = names.filter(name => rule[name] !== undefined)
  if (given.length !== 1) complain('', `Give exactly one of ${names.join(', ')}.`)
  if (rule.san_uri !== undefined) complain('/san_uri', findPatternFault(rule.san_uri))
  if (rule.san_dns !== undefined) complain('/san_dns', findPatternFault(rule.san_dns))
  if (rule.subject_dn !== undefined) complain('/subject_dn', findNameFault(rule.subject_dn))
  return Object.fromEntries(given.map(name => [name, rule[name]]))
}

function findNameFault(dn: string): string | undefined {
  try {
    return new Name(dn).toJSON().length > 0 ? undefined : 'Write a distinguished name as in RFC 4514: CN=worker,O=Example.'
  } catch {
    return 'Write a distinguished name as in RFC 4514: CN=worker,O=Example.'
  }
}
