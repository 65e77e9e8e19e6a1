// A certificate revocation list (RFC 5280 § 5): complete ones only. Whatever makes a list say less than "these and no others of
// this issuer are revoked" (deltas, distribution points, indirect entries) makes it one that we do not use.

import { hash, verify, type X509Certificate } from 'node:crypto'
import { type DerItem, DerReader, integerText, readOne, tags, timeMs } from './der.ts'

export interface RevocationList {
  /** DER of the issuer's name. */
  readonly issuer: Buffer
  readonly thisUpdateMs: number
  readonly nextUpdateMs: number
  /** Serial numbers, as `integerText` writes them. */
  readonly revoked: ReadonlySet<string>
  /** SHA-256 of the whole. */
  readonly digest: string
  /** Whether this issuer's key signed it. Remembered: neither changes. */
  readonly isSignedBy: (issuer: X509Certificate) => boolean
}

/** DER of AlgorithmIdentifier → the hash, null where the key says it all. Weak ones are missing on purpose. */
const algorithms = new Map<string, { readonly hash: string | null; readonly key: string }>([
  ['300a06082a8648ce3d040302', { hash: 'sha256', key: 'ec' }],
  ['300a06082a8648ce3d040303', { hash: 'sha384', key: 'ec' }],
  ['300a06082a8648ce3d040304', { hash: 'sha512', key: 'ec' }],
  ['300d06092a864886f70d01010b0500', { hash: 'sha256', key: 'rsa' }],
  ['300d06092a864886f70d01010c0500', { hash: 'sha384', key: 'rsa' }],
  ['300d06092a864886f70d01010d0500', { hash: 'sha512', key: 'rsa' }],
  ['300506032b6570', { hash: null, key: 'ed25519' }],
])

const issuingDistributionPoint = '551d1c'
const deltaIndicator = '551d1b'
const contextZero = 0xa0

/** The lists in a text: DER, or PEM with one or several. Throws an Error whose message says, as a sentence, why it holds none. */
export function readRevocationLists(bytes: Buffer): RevocationList[] {
  const text = bytes.toString('latin1')
  const blocks = [...text.matchAll(/-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]*)-----END X509 CRL-----/g)]
  if (text.includes('PRIVATE KEY-----')) throw new Error('This holds a private key. Send the list only, and replace that key.')
  const lists = blocks.length > 0 ? blocks.map(([, base64]) => Buffer.from(base64!, 'base64')) : [bytes]
  return lists.map(readList)
}

function readList(der: Buffer): RevocationList {
  let read: RevocationList | string
  try {
    read = readCertificateList(der)
  } catch {
    read = 'This is not a readable certificate revocation list.'
  }
  if (typeof read === 'string') throw new Error(read)
  return read
}

/** CertificateList (§ 5.1); a sentence where it is one that we do not use. */
function readCertificateList(der: Buffer): RevocationList | string {
  const list = readOne(der)
  const signed = list.take(tags.sequence)
  const algorithm = list.take(tags.sequence).whole
  const signature = list.take(tags.bitString).content
  list.end()
  const fields = new DerReader(signed.content)
  fields.optional(tags.integer)
  if (!fields.take(tags.sequence).whole.equals(algorithm)) return 'It names two algorithms.'
  const issuer = fields.take(tags.sequence).whole
  const thisUpdate = takeTime(fields)
  const nextUpdate = takeTime(fields)
  if (!thisUpdate) return 'It has no date.'
  if (!nextUpdate) return 'It does not say until when it holds (nextUpdate).'
  const entries = fields.optional(tags.sequence)
  const revoked = entries ? readEntries(new DerReader(entries.content)) : new Set<string>()
  if (!revoked) return 'It has entries of another issuer.'
  const extensions = fields.optional(contextZero)
  fields.end()
  if (extensions && isPartial(new DerReader(extensions.content)))
    return 'It covers only a part: deltas and distribution points are not read.'
  const known = algorithms.get(algorithm.toString('hex'))
  if (!known) return 'It is signed with an algorithm that is not accepted here.'
  return {
    issuer,
    thisUpdateMs: timeMs(thisUpdate),
    nextUpdateMs: timeMs(nextUpdate),
    revoked,
    digest: hash('sha256', der, 'base64url'),
    isSignedBy: createSignatureCheck(known, signed.whole, signature.subarray(1)),
  }
}

const takeTime = (fields: DerReader): DerItem | undefined =>
  fields.optional(tags.utcTime) ?? fields.optional(tags.generalizedTime)

function readEntries(entries: DerReader): Set<string> | undefined {
  const revoked = new Set<string>()
  while (!entries.ended) {
    const entry = entries.enter()
    revoked.add(integerText(entry.take(tags.integer)))
    if (!takeTime(entry)) throw new Error('no date of revocation')
    const extensions = entry.optional(tags.sequence)
    entry.end()
    if (extensions && extensionsOf(new DerReader(extensions.whole)).some(({ critical }) => critical)) return undefined
  }
  return revoked
}

const isPartial = (fields: DerReader): boolean =>
  extensionsOf(fields).some(({ id, critical }) => critical || id === issuingDistributionPoint || id === deltaIndicator)

function extensionsOf(fields: DerReader): { readonly id: string; readonly critical: boolean }[] {
  const list = fields.enter()
  fields.end()
  const found: { id: string; critical: boolean }[] = []
  while (!list.ended) {
    const extension = list.enter()
    const id = extension.take(tags.oid).content.toString('hex')
    const critical = extension.optional(tags.boolean)
    extension.take(tags.octetString)
    extension.end()
    found.push({ id, critical: critical !== undefined && critical.content[0] !== 0 })
  }
  return found
}

function createSignatureCheck(algorithm: { hash: string | null; key: string }, signed: Buffer, signature: Buffer) {
  // Not a cache that could be stale: neither the list nor a certificate changes.
  const known = new WeakMap<X509Certificate, boolean>()
  return (issuer: X509Certificate): boolean => {
    let is = known.get(issuer)
    if (is === undefined) {
      const { publicKey } = issuer
      is = publicKey.asymmetricKeyType === algorithm.key && verify(algorithm.hash, signed, publicKey, signature)
      known.set(issuer, is)
    }
    return is
  }
}
