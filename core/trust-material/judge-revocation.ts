import type { X509Certificate } from 'node:crypto'
import { DerReader, integerText, readOne, tags } from './der.ts'
import type { RevocationList } from './revocation-list.ts'

/** `not_covered`: no list of this issuer holds now, so that nobody can say. */
export type RevocationVerdict = 'good' | 'revoked' | 'not_covered'

interface CertificateKey {
  /** As `integerText` writes it. */
  readonly serial: string
  /** DER of both names. */
  readonly issuer: Buffer
  readonly subject: Buffer
}

// Goes with the certificate, whose bytes do not change.
const keys = new WeakMap<X509Certificate, CertificateKey>()

/** What a certificate is named by, from its DER (RFC 5280 § 4.1). Throws when that is not DER. */
function keyOf(certificate: X509Certificate): CertificateKey {
  let key = keys.get(certificate)
  if (key) return key
  const fields = new DerReader(readOne(certificate.raw).take(tags.sequence).content)
  fields.optional(0xa0)
  const serial = integerText(fields.take(tags.integer))
  fields.take(tags.sequence)
  const issuer = fields.take(tags.sequence).whole
  fields.take(tags.sequence)
  key = { serial, issuer, subject: fields.take(tags.sequence).whole }
  keys.set(certificate, key)
  return key
}

/**
 * Whether the issuer has revoked the certificate, by lists that the issuer signed (RFC 5280 § 6.3.3). issuer: checked before
 * to have issued it, and to be one that may sign lists. A list that has ended still says who is revoked, but not who is not.
 */
export function judgeRevocation(
  lists: readonly RevocationList[],
  certificate: X509Certificate,
  issuer: X509Certificate,
  nowMs: number,
): RevocationVerdict {
  const { serial } = keyOf(certificate)
  const { subject } = keyOf(issuer)
  const own = lists.filter(list => list.issuer.equals(subject) && list.isSignedBy(issuer))
  if (own.some(list => list.revoked.has(serial))) return 'revoked'
  return own.some(list => list.thisUpdateMs <= nowMs && nowMs < list.nextUpdateMs) ? 'good' : 'not_covered'
}
