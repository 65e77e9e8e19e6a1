// What a log sends to a witness, c2sp.org/tlog-witness § add-checkpoint: the size that the witness knows, the proof that the new tree
// begins with that one, an empty line, and the new checkpoint as a signed note.

import { hashBytes } from '#core/tlog/hash.ts'

/** Where it is sent, below a witness's address. */
export const addCheckpointPath = 'add-checkpoint'
/** Of an answer 409, whose body is the size that the witness knows. */
export const sizeContentType = 'text/x.tlog.size'

/** As many as a tree can need; a client must not send more. */
export const proofLinesMax = 63

export interface AddCheckpoint {
  /** Size of the tree that the witness has cosigned last; 0 where it has cosigned none. */
  readonly oldSize: number
  /** RFC 6962 § 2.1.2, from that size to the checkpoint's. */
  readonly proof: readonly Buffer[]
  /** The note, as it was signed. */
  readonly checkpoint: string
}

/** The body of a request. */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  const lines = proof.map(hash => `${hash.toString('base64')}\n`).join('')
  return `old ${oldSize}\n${lines}\n${checkpoint}`
}

/** Undefined for a body that is none, with anything written another way than it must be. The checkpoint is not looked into. */
export function findAddCheckpoint(body: string): AddCheckpoint | undefined {
  const end = body.indexOf('\n\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = body.slice(0, end).split('\n')
  const oldSize = findSize(/^old (.*)$/.exec(first)?.[1])
  const proof = lines.map(findHash)
  if (oldSize === undefined || proof.length > proofLinesMax || !areThere(proof)) return undefined
  return { oldSize, proof, checkpoint: body.slice(end + 2) }
}

/** A size as it is written in decimal, without leading zeroes. */
export function findSize(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0|[1-9]\d{0,15})$/.test(text)) return undefined
  return Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}

/** One hash in standard base64, in its one spelling. */
function findHash(line: string): Buffer | undefined {
  const bytes = Buffer.from(line, 'base64')
  return bytes.length === hashBytes && bytes.toString('base64') === line ? bytes : undefined
}

const areThere = (hashes: readonly (Buffer | undefined)[]): hashes is readonly Buffer[] => !hashes.includes(undefined)
