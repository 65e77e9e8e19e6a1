// A certificate signing request (PKCS #10, RFC 2986) of a stranger. Its key is all that is taken from it. Who the certificate is for
// and what it is good for are decided here; a request that asks for something else is refused, so that nobody believes to
// have got what was passed over.

import 'reflect-metadata'
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { Name } from '@peculiar/x509'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import { isSoundRsaKey } from '#core/subject/rsa-key.ts'
import { type DerItem, DerReader, readOne, tags } from '#core/trust-material/der.ts'

export interface SigningRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer
  /** RFC 7638. */
  readonly thumbprint: string
  /** Names that it asks for, if any. */
  readonly commonName: string | undefined
  readonly uri: string | undefined
}

export type CsrFault = 'csr_unreadable' | 'csr_signature' | 'csr_key' | 'csr_asks_identity' | 'csr_asks_ca' | 'csr_asks_extension'

export type CsrResult = { readonly ok: true; readonly request: SigningRequest } | { readonly ok: false; readonly fault: CsrFault }

/** What to tell who sent it. */
export const csrHints: Readonly<Record<CsrFault, string>> = {
  csr_unreadable: 'Send one PEM block, CERTIFICATE REQUEST (PKCS #10).',
  csr_signature: 'Its signature does not verify with its own key; sign with SHA-256 or longer.',
  csr_key: 'Use a key on P-256 or P-384, Ed25519, or RSA of 2048 to 8192 bits.',
  csr_asks_identity: 'It names an identity. The broker gives it: leave subject and names out (openssl req -subj /).',
  csr_asks_ca: 'It asks to be an authority.',
  csr_asks_extension:
    'It asks for what this CA does not give: at most digitalSignature, clientAuth and CA:FALSE may stand there.',
}

class Refused extends Error {
  readonly fault: CsrFault
  constructor(fault: CsrFault) {
    super(fault)
    this.fault = fault
  }
}

const maxBytes = 12 * 1024

/** Reads it and checks the signature, by which its sender proves to hold the key. Never throws. */
export function readCsr(pem: string): CsrResult {
  try {
    return { ok: true, request: read(decodePem(pem)) }
  } catch (error) {
    return { ok: false, fault: error instanceof Refused ? error.fault : 'csr_unreadable' }
  }
}

/** RFC 7468 § 7, nothing around it. */
function decodePem(pem: string): Buffer {
  const block = /^\s*-----BEGIN ((?:NEW )?CERTIFICATE REQUEST)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----\s*$/.exec(pem)
  const der = Buffer.from(block?.[2] ?? '', 'base64')
  if (der.length === 0 || der.length > maxBytes) throw new Refused('csr_unreadable')
  return der
}

function read(der: Buffer): SigningRequest {
  const outer = readOne(der)
  const signed = outer.take(tags.sequence)
  const algorithm = outer.take(tags.sequence)
  const signature = outer.take(tags.bitString)
  outer.end()
  const info = new DerReader(signed.content)
  if (!info.take(tags.integer).content.equals(Buffer.from([0]))) throw new Refused('csr_unreadable')
  const subject = info.take(tags.sequence)
  const spki = info.take(tags.sequence).whole
  const attributes = info.enter(0xa0)
  info.end()
  const key = readKey(spki)
  checkSignature(key, { signed, algorithm, signature })
  const thumbprint = jwkThumbprint(key.export({ format: 'jwk' }) as Record<string, unknown>)
  return { spki, thumbprint, commonName: readCommonName(subject), uri: readAttributes(attributes) }
}

function readKey(spki: Buffer): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    throw new Refused('csr_key')
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  const good =
    type === 'ed25519' ||
    (type === 'rsa' && isSoundRsaKey(key)) ||
    (type === 'ec' && ['prime256v1', 'secp384r1'].includes(details?.namedCurve ?? ''))
  // Written in another way than Node writes it, it might be two keys to two readers.
  if (!good || !(key.export({ format: 'der', type: 'spki' }) as Buffer).equals(spki)) throw new Refused('csr_key')
  return key
}

/** AlgorithmIdentifier's OID, in hex → hash, and the type of key that signs so. */
const signatureAlgorithms: Readonly<Record<string, { readonly hash: string | null; readonly type: string }>> = {
  '2a8648ce3d040302': { hash: 'sha256', type: 'ec' },
  '2a8648ce3d040303': { hash: 'sha384', type: 'ec' },
  '2a8648ce3d040304': { hash: 'sha512', type: 'ec' },
  '2b6570': { hash: null, type: 'ed25519' },
  '2a864886f70d01010b': { hash: 'sha256', type: 'rsa' },
  '2a864886f70d01010c': { hash: 'sha384', type: 'rsa' },
  '2a864886f70d01010d': { hash: 'sha512', type: 'rsa' },
}

function checkSignature(key: KeyObject, parts: { signed: DerItem; algorithm: DerItem; signature: DerItem }): void {
  const { signed, algorithm, signature } = parts
  const known = signatureAlgorithms[oidOf(new DerReader(algorithm.content))]
  const bytes = signature.content
  if (!known || known.type !== key.asymmetricKeyType || bytes[0] !== 0) throw new Refused('csr_signature')
  if (!verify(known.hash, signed.whole, key, bytes.subarray(1))) throw new Refused('csr_signature')
}

const oidOf = (reader: DerReader): string => reader.take(tags.oid).content.toString('hex')

function readCommonName({ whole }: DerItem): string | undefined {
  const [first, ...more] = new Name(Uint8Array.from(whole)).toJSON()
  if (!first) return undefined
  const { CN: names, ...others } = first
  if (more.length > 0 || Object.keys(others).length > 0 || names?.length !== 1) throw new Refused('csr_asks_identity')
  return names[0]
}

const extensionRequest = '2a864886f70d01090e'

/** The one URI that it asks for, if any. */
function readAttributes(attributes: DerReader): string | undefined {
  if (attributes.ended) return undefined
  const attribute = attributes.enter()
  if (oidOf(attribute) !== extensionRequest) throw new Refused('csr_asks_extension')
  const values = attribute.enter(0x31)
  const extensions = values.enter()
  for (const reader of [attributes, attribute, values]) if (!reader.ended) throw new Refused('csr_asks_extension')
  let uri: string | undefined
  const seen = new Set<string>()
  while (!extensions.ended) {
    const extension = extensions.enter()
    const name = oidOf(extension)
    extension.optional(tags.boolean)
    const value = extension.take(tags.octetString).content
    extension.end()
    if (seen.has(name)) throw new Refused('csr_asks_extension')
    seen.add(name)
    uri = checkExtension(name, value) ?? uri
  }
  return uri
}

const notCa = '3000'
const digitalSignature = '03020780'
const clientAuth = '300a06082b06010505070302'

/** RFC 5280 § 4.2.1. Only what every certificate of ours says anyway. */
function checkExtension(name: string, value: Buffer): string | undefined {
  const text = value.toString('hex')
  if (name === '551d11') return readOneUri(value)
  if (name === '551d13' && text !== notCa) throw new Refused('csr_asks_ca')
  if (name === '551d0f' && text !== digitalSignature)
    throw new Refused(maySignCertificates(value) ? 'csr_asks_ca' : 'csr_asks_extension')
  if (name === '551d25' && text !== clientAuth) throw new Refused('csr_asks_extension')
  if (!['551d13', '551d0f', '551d25'].includes(name)) throw new Refused('csr_asks_extension')
  return undefined
}

const maySignCertificates = (value: Buffer): boolean => ((value[3] ?? 0) & 0x06) !== 0

function readOneUri(value: Buffer): string {
  const names = readOne(value)
  const uri = names.optional(0x86)
  if (!uri || !names.ended) throw new Refused('csr_asks_identity')
  return uri.content.toString('latin1')
}
