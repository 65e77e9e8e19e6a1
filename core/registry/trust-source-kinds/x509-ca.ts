// A certificate authority whose client certificates prove workloads over mTLS.

import 'reflect-metadata'
import { Name } from '@peculiar/x509'
import { canonicalEmail, canonicalIp } from '#core/subject/certificate-names.ts'
import { findPatternFault } from '#core/subject/claim-pattern.ts'
import { readRevocationLists } from '#core/trust-material/revocation-list.ts'
import { findAnchorFault } from '../anchor-fault.ts'
import { findHttpsFault } from '../url-faults.ts'
import { type CheckedTrustSource, type Complain, collectProblems, type TrustSourceKind } from './trust-source-kind.ts'

export interface X509TrustSource {
  readonly kind: 'x509_ca'
  readonly id: string
  readonly name: string
  /** PEM of each anchor. The presented chain must end in one of these, whatever else the listener accepts. */
  readonly anchorsPem: readonly string[]
  /** undefined: nobody asks whether a certificate was revoked. */
  readonly crl: CrlConfig | undefined
}

/** At least one of `pem` and `url`. */
export interface CrlConfig {
  readonly pem?: readonly string[]
  readonly url?: string
  /** PEM of the CA that the server's HTTPS certificate must come from; left out: the public ones. */
  readonly ca_pem?: string
}

/** What `trust_source.config` holds. */
export interface X509Config {
  readonly anchors_pem: readonly string[]
  readonly crl?: CrlConfig
}

export interface X509Input extends X509Config {
  readonly kind: 'x509_ca'
  readonly name: string
}

export interface X509Rule {
  /**
   * Exactly one of them; the names are those of RFC 8705 § 2.1.2. `san_uri` and `san_dns` are patterns over a subject
   * alternative name, `san_ip` and `san_email` are compared whole, `subject_dn` as parsed name.
   */
  readonly san_uri?: string
  readonly san_dns?: string
  readonly san_ip?: string
  readonly san_email?: string
  readonly subject_dn?: string
}

const names = ['san_uri', 'san_dns', 'san_ip', 'san_email', 'subject_dn'] as const

export const x509CaKind: TrustSourceKind<X509Input, X509TrustSource, X509Rule> = {
  kind: 'x509_ca',
  ruleMembers: names,
  ruleHint: 'The trust source is a certificate authority: use a name.',
  validate,
  toSource: ({ id, name, config }) => {
    const { anchors_pem, crl } = config as X509Config
    return { kind: 'x509_ca', id, name, anchorsPem: anchors_pem, crl }
  },
  checkRule,
}

function validate(input: X509Input): CheckedTrustSource {
  const { problems, complain } = collectProblems()
  for (const [i, pem] of input.anchors_pem.entries()) complain(`/anchors_pem/${i}`, findAnchorFault(pem))
  if (input.crl !== undefined) complainOfCrl(input.crl, (pointer, detail) => complain(`/crl${pointer}`, detail))
  const config: X509Config = { anchors_pem: input.anchors_pem, ...(input.crl !== undefined && { crl: input.crl }) }
  return { values: { name: input.name, kind: 'x509_ca', issuer: null, audience: null, config }, problems }
}

function checkRule(rule: X509Rule, complain: Complain): X509Rule {
  const given = names.filter(name => rule[name] !== undefined)
  if (given.length !== 1) complain('', `Give exactly one of ${names.join(', ')}.`)
  if (rule.san_uri !== undefined) complain('/san_uri', findPatternFault(rule.san_uri))
  if (rule.san_dns !== undefined) complain('/san_dns', findPatternFault(rule.san_dns))
  if (rule.subject_dn !== undefined) complain('/subject_dn', findNameFault(rule.subject_dn))
  const ip = rule.san_ip === undefined ? undefined : canonicalIp(rule.san_ip)
  if (rule.san_ip !== undefined && ip === undefined) complain('/san_ip', 'Write one IPv4 or IPv6 address.')
  const email = rule.san_email === undefined ? undefined : canonicalEmail(rule.san_email)
  if (rule.san_email !== undefined && email === undefined) complain('/san_email', 'Write one address: name@domain.')
  const canonical = { ...rule, ...(ip !== undefined && { san_ip: ip }), ...(email !== undefined && { san_email: email }) }
  return Object.fromEntries(given.map(name => [name, canonical[name]]))
}

function complainOfCrl({ pem, url, ca_pem }: CrlConfig, complain: Complain): void {
  if (pem === undefined && url === undefined) complain('', 'Give pem, url or both.')
  for (const [i, text] of (pem ?? []).entries()) complain(`/pem/${i}`, findListFault(text))
  if (url !== undefined) complain('/url', findHttpsFault(url, { query: true }))
  if (ca_pem !== undefined) complain('/ca_pem', findAnchorFault(ca_pem))
}

function findListFault(pem: string): string | undefined {
  if (pem.split('-----BEGIN ').length !== 2) return 'Send exactly one PEM block, X509 CRL, in each entry.'
  try {
    readRevocationLists(Buffer.from(pem))
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function findNameFault(dn: string): string | undefined {
  try {
    return new Name(dn).toJSON().length > 0 ? undefined : 'Write a distinguished name as in RFC 4514: CN=worker,O=Example.'
  } catch {
    return 'Write a distinguished name as in RFC 4514: CN=worker,O=Example.'
  }
}
