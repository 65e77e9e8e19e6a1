// Signed notes, c2sp.org/signed-note: a text, an empty line, and a line for each signature. A key is known by its name and the first
// four bytes of a hash over name, type and key; who verifies names the keys and ignores all others.
//
// Two types of signature: 0x01, Ed25519 over the text; 0x04, c2sp.org/tlog-cosignature, Ed25519 over a time and the text, by which a
// witness says that this was the largest tree it had seen by then.

import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { TlogError, UnknownSignerError } from './tlog-error.ts'

export const noteSignatureTypes = { ed25519: 0x01, cosignature: 0x04 } as const
export type NoteSignatureType = (typeof noteSignatureTypes)[keyof typeof noteSignatureTypes]

export interface VerifierKey {
  readonly name: string
  readonly type: NoteSignatureType
  /** Ed25519, 32 bytes. */
  readonly publicKey: Buffer
  /** Eight hex digits. */
  readonly keyId: string
}

export interface NoteSigner {
  readonly verifierKey: VerifierKey
  /** What stands behind the key's id in a signature line. */
  sign(text: string): Buffer
}

export interface NoteSignature {
  readonly name: string
  /** Eight hex digits. */
  readonly keyId: string
  readonly bytes: Buffer
  /** Without its newline. */
  readonly line: string
}

export interface ParsedNote {
  /** With its final newline. Nobody vouches for it. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

export interface VerifiedSignature extends NoteSignature {
  readonly verifierKey: VerifierKey
  /** Of a cosignature: when it was made, seconds since the epoch. */
  readonly timestamp: number | undefined
}

export interface OpenedNote {
  readonly text: string
  /** Those of known keys, in the note's order; at least one. */
  readonly signatures: readonly VerifiedSignature[]
}

const nameForm = /^[^\p{White_Space}+\p{Cc}]+$/u
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex')
const signatureBytes = 64
const signaturesMax = 64
const bytesMax = 1 << 20
/** The last second that a Date knows: a witness that says another one would stop whoever shows its time. */
const secondsMax = 8.64e12

function makeVerifierKey(name: string, type: NoteSignatureType, publicKey: Buffer): VerifierKey {
  if (!nameForm.test(name)) throw new TlogError(`“${name}” is no name of a key: it is empty or holds a space or a plus`)
  if (publicKey.length !== 32) throw new TlogError('An Ed25519 key has 32 bytes')
  const keyId = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), publicKey]), 'hex').slice(0, 8)
  return { name, type, publicKey, keyId }
}

/** The verifier's side of an Ed25519 key. Throws TlogError for a name with spaces or plus signs, or another kind of key. */
export function verifierKeyOf(name: string, type: NoteSignatureType, key: KeyObject): VerifierKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new TlogError('Notes are signed with Ed25519 keys')
  return makeVerifierKey(name, type, Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url'))
}

/** `<name>+<key id>+<base64 of type and key>`. */
export function formatVerifierKey({ name, type, publicKey, keyId }: VerifierKey): string {
  return `${name}+${keyId}+${Buffer.concat([Buffer.of(type), publicKey]).toString('base64')}`
}

/** Throws TlogError when it is no such key, or its id is another one's. */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name = '', keyId, encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? []
  const bytes = decodeBase64(encoded)
  const type = Object.values(noteSignatureTypes).find(known => known === bytes?.[0])
  if (!bytes || type === undefined) throw new TlogError('A verifier key reads name+hex+base64, of an Ed25519 key')
  const key = makeVerifierKey(name, type, bytes.subarray(1))
  if (key.keyId !== keyId) throw new TlogError(`The verifier key of ${name} has the id ${keyId}, which is not its own`)
  return key
}

/** Signs notes' texts: type 0x01. */
export function createNoteSigner(name: string, privateKey: KeyObject): NoteSigner {
  const verifierKey = verifierKeyOf(name, noteSignatureTypes.ed25519, privateKey)
  return { verifierKey, sign: text => sign(null, Buffer.from(text), privateKey) }
}

/** Signs a time and a checkpoint: type 0x04. nowSeconds: seconds since the epoch. */
export function createCosigner(name: string, privateKey: KeyObject, nowSeconds: () => number): NoteSigner {
  const verifierKey = verifierKeyOf(name, noteSignatureTypes.cosignature, privateKey)
  return {
    verifierKey,
    sign(text) {
      const time = Buffer.alloc(8)
      const seconds = Math.floor(nowSeconds())
      time.writeBigUInt64BE(BigInt(seconds))
      return Buffer.concat([time, sign(null, Buffer.from(cosignedText(seconds, text)), privateKey)])
    },
  }
}

const cosignedText = (seconds: number, text: string): string => `cosignature/v1\ntime ${seconds}\n${text}`

/** One signature line with its newline, as a note holds it and a witness answers it. */
export function signatureLine(text: string, signer: NoteSigner): string {
  const { name, keyId } = signer.verifierKey
  return `— ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), signer.sign(text)]).toString('base64')}\n`
}

/** The note: text, empty line, signatures in the signers' order. Throws TlogError unless the text ends with a newline. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  checkText(text)
  return `${text}\n${signers.map(signer => signatureLine(text, signer)).join('')}`
}

function checkText(text: string): void {
  if (!text.endsWith('\n') || text === '\n') throw new TlogError('The text of a note ends with a newline')
  if (/[\0-\x09\x0b-\x1f]/.test(text)) throw new TlogError('A note holds no control characters')
}

/** Takes a note apart without believing any of it. Throws TlogError when it is none. */
export function parseNote(note: string): ParsedNote {
  if (note.length > bytesMax) throw new TlogError('The note is too long')
  const parted = note.lastIndexOf('\n\n')
  if (parted < 0 || !note.endsWith('\n')) throw new TlogError('A note is a text, an empty line and signatures')
  const text = note.slice(0, parted + 1)
  checkText(text)
  const lines = note.slice(parted + 2, -1).split('\n')
  if (lines.length > signaturesMax) throw new TlogError(`A note has at most ${signaturesMax} signatures`)
  return { text, signatures: lines.map(parseSignatureLine) }
}

/** line: without its newline. Throws TlogError. */
export function parseSignatureLine(line: string): NoteSignature {
  const [mark, name = '', encoded = '', ...rest] = line.split(' ')
  const bytes = decodeBase64(encoded)
  if (mark !== '—' || !nameForm.test(name) || !bytes || bytes.length < 5 || rest.length > 0)
    throw new TlogError('A line of the note is no signature')
  return { name, keyId: bytes.toString('hex', 0, 4), bytes: bytes.subarray(4), line }
}

/**
 * Text and signatures of the keys that the caller trusts; signatures of others are ignored. Throws TlogError when the note is
 * malformed, no known key signed it, or the signature of a known key does not verify.
 */
export function openNote(note: string, verifierKeys: readonly VerifierKey[]): OpenedNote {
  const { text, signatures } = parseNote(note)
  const verified = signatures.flatMap(signature => {
    const verifierKey = verifierKeys.find(key => key.name === signature.name && key.keyId === signature.keyId)
    return verifierKey ? [verifySignature(text, signature, verifierKey)] : []
  })
  if (verified.length === 0) throw new UnknownSignerError('No known key signed the note')
  return { text, signatures: verified }
}

/** Throws TlogError when it does not verify. */
export function verifySignature(text: string, signature: NoteSignature, verifierKey: VerifierKey): VerifiedSignature {
  const { bytes } = signature
  const isTimed = verifierKey.type === noteSignatureTypes.cosignature
  const timestamp = isTimed && bytes.length === 8 + signatureBytes ? Number(bytes.readBigUInt64BE()) : undefined
  const signed = timestamp === undefined ? text : cosignedText(timestamp, text)
  const key = createPublicKey({ key: Buffer.concat([spkiHead, verifierKey.publicKey]), format: 'der', type: 'spki' })
  const isFit = bytes.length === (isTimed ? 8 : 0) + signatureBytes && (timestamp === undefined || timestamp <= secondsMax)
  if (!isFit || !verify(null, Buffer.from(signed), key, bytes.subarray(-signatureBytes)))
    throw new TlogError(`The signature of ${verifierKey.name} does not verify`)
  return { ...signature, verifierKey, timestamp }
}

/** Standard base64 (RFC 4648 § 4) in its one spelling. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined
}
