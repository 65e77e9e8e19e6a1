// A proof that stands alone, c2sp.org/tlog-proof: where an entry is in a log, the path from it to the root, and the checkpoint of that
// root with all its signatures. Our `extra` is the entry itself, so that one file and the keys are all that a verifier needs; it is
// worth nothing before its hash has been led up to a signed root.

import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { hashBytes, leafHash } from './hash.ts'
import { noteSignatureTypes, openNote, type VerifiedSignature, type VerifierKey } from './note.ts'
import { verifyInclusion } from './proof.ts'
import { NotCosignedError, TlogError, UnknownSignerError } from './tlog-error.ts'

const head = 'c2sp.org/tlog-proof@v1'
/** As many as the tallest tree has levels. */
const pathMax = 63

export interface TlogProof {
  /** Position of the entry, from 0. */
  readonly index: number
  /** Sibling hashes, from the leaf's up. */
  readonly path: readonly Buffer[]
  /** The signed note. */
  readonly checkpoint: string
  /** What its maker added; of ours, the entry's bytes. */
  readonly extra?: Buffer | undefined
}

export function formatTlogProof({ index, path, checkpoint, extra }: TlogProof): string {
  const lines = [
    head,
    ...(extra ? [`extra ${extra.toString('base64')}`] : []),
    `index ${index}`,
    ...path.map(hash => hash.toString('base64')),
  ]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/** Takes a proof apart without believing any of it. Throws TlogError when it is none. */
export function parseTlogProof(text: string): TlogProof {
  const end = text.indexOf('\n\n')
  const [first, ...rest] = end < 0 ? [] : text.slice(0, end).split('\n')
  if (first !== head) throw new TlogError(`A proof begins with ${head} and ends with a checkpoint`)
  const extra = rest[0]?.startsWith('extra ') ? decode(rest.shift()!.slice('extra '.length)) : undefined
  const digits = /^index (0|[1-9]\d{0,15})$/.exec(rest.shift() ?? '')?.[1]
  if (digits === undefined || !Number.isSafeInteger(Number(digits))) throw new TlogError('A proof names an index')
  const path = rest.map(decode)
  if (path.length > pathMax || path.some(({ length }) => length !== hashBytes))
    throw new TlogError('The path of a proof is made of hashes')
  return { index: Number(digits), path, checkpoint: text.slice(end + 2), extra }
}

export interface ProofTrust {
  /** Keys of the log. Their names are its origin. */
  readonly logKeys: readonly VerifierKey[]
  readonly witnessKeys?: readonly VerifierKey[]
  /** How many of the witnesses must have cosigned; none where left out. */
  readonly witnessesNeeded?: number
}

export interface ProvenEntry {
  readonly index: number
  readonly checkpoint: Checkpoint
  /** Cosignatures of known witnesses, each witness once. */
  readonly witnesses: readonly VerifiedSignature[]
}

/**
 * Holds that the entry stands in the log, under a root that the log signed and as many witnesses as needed cosigned. leaf: its leaf
 * hash, or the entry's bytes. Throws TlogError, which says what does not hold.
 */
export function verifyTlogProof(
  proof: TlogProof,
  leaf: { readonly hash: Buffer } | { readonly entry: Uint8Array },
  trust: ProofTrust,
): ProvenEntry {
  const { checkpoint, witnesses } = verifyCheckpoint(proof.checkpoint, trust)
  const { size, root } = checkpoint
  const hash = 'hash' in leaf ? leaf.hash : leafHash(leaf.entry)
  if (!verifyInclusion({ index: proof.index, size, leaf: hash, path: proof.path, root }))
    throw new TlogError(`The path does not lead from that entry at ${proof.index} to the root of the log`)
  return { index: proof.index, checkpoint, witnesses }
}

/** The checkpoint of a log that is trusted, with its cosignatures. Throws TlogError. */
export function verifyCheckpoint(note: string, trust: ProofTrust): Pick<ProvenEntry, 'checkpoint' | 'witnesses'> {
  const { logKeys, witnessKeys = [], witnessesNeeded = 0 } = trust
  const { text, signatures } = openNote(note, [...logKeys, ...witnessKeys])
  const checkpoint = parseCheckpoint(text)
  const isLog = ({ verifierKey: { type, name } }: VerifiedSignature): boolean =>
    type === noteSignatureTypes.ed25519 && name === checkpoint.origin
  if (!signatures.some(isLog))
    throw new UnknownSignerError(`The checkpoint of ${checkpoint.origin} is signed by no key of that log which is known here`)
  const cosigned = signatures.filter(({ verifierKey }) => verifierKey.type === noteSignatureTypes.cosignature)
  const witnesses = [...new Map(cosigned.map(signature => [signature.verifierKey.publicKey.toString('hex'), signature])).values()]
  if (witnesses.length < witnessesNeeded)
    throw new NotCosignedError(
      `${witnesses.length} of the known witnesses cosigned the checkpoint, and ${witnessesNeeded} are needed`,
    )
  return { checkpoint, witnesses }
}

/** Standard base64 in its one spelling. */
function decode(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (text === '' || bytes.toString('base64') !== text) throw new TlogError('A line of the proof is no base64')
  return bytes
}
