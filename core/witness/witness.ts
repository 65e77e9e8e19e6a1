// A witness, c2sp.org/tlog-witness. It remembers of each log that it was told of the largest tree it has cosigned, and cosigns another
// only where that one begins with it. So a log that has shown it one history cannot have it vouch for a second.
//
// What it knows of a log is read, judged and written in one piece, a request at a time; written before it is answered. Whoever came
// late by a race is told the size that is known by then.

import { type Checkpoint, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { emptyRoot } from '#core/tlog/hash.ts'
import { type NoteSigner, type OpenedNote, openNote, parseNote, signatureLine, type VerifierKey } from '#core/tlog/note.ts'
import { verifyConsistency } from '#core/tlog/proof.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import { type AddCheckpoint, findAddCheckpoint } from './add-checkpoint.ts'

/** A log that is looked after: its checkpoints' first line, and the keys that may sign them. */
export interface WitnessedLog {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
}

/** Where it is kept, durably, what was cosigned last: the signed note, by origin. */
export interface WitnessMemory {
  read(origin: string): Promise<string | undefined>
  /** Resolves once it survives a power cut. */
  write(origin: string, note: string): Promise<void>
}

export type WitnessAnswer =
  /** lines: signature lines, each with its newline. */
  | { readonly status: 200; readonly lines: string; readonly checkpoint: Checkpoint }
  /** size: of the tree that was cosigned last. forked: it signed two trees of one size, of which this note is the second. */
  | { readonly status: 409; readonly size: number; readonly why: string; readonly forked?: string }
  | { readonly status: 400 | 403 | 404 | 422; readonly why: string }

export interface WitnessDeps {
  /** Its key, of type 0x04. */
  readonly cosigner: NoteSigner
  readonly logs: readonly WitnessedLog[]
  readonly memory: WitnessMemory
}

export class Witness {
  readonly #deps: WitnessDeps
  /** The last piece of work on each log. */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(deps: WitnessDeps) {
    this.#deps = deps
  }

  /** Judges a request's body. Rejects where the memory cannot be read or written: then nothing was cosigned. */
  async addCheckpoint(body: string): Promise<WitnessAnswer> {
    const request = findAddCheckpoint(body)
    if (!request) return { status: 400, why: 'The body is no old size, proof, empty line and checkpoint.' }
    const checkpoint = attempt(() => parseCheckpoint(parseNote(request.checkpoint).text))
    if (checkpoint instanceof TlogError) return { status: 400, why: `${checkpoint.message}.` }
    const log = this.#deps.logs.find(({ origin }) => origin === checkpoint.origin)
    if (!log) return { status: 404, why: 'This witness does not know that log.' }
    const note = attempt(() => openNote(request.checkpoint, log.keys))
    if (note instanceof TlogError) return { status: 403, why: `${note.message}.` }
    return this.#inTurn(log.origin, () => this.#judge(request, checkpoint, note))
  }

  /** The last checkpoint of each log, as it was cosigned; undefined where none was yet. */
  async seen(): Promise<readonly { readonly origin: string; readonly note: string | undefined }[]> {
    const { logs, memory } = this.#deps
    return Promise.all(logs.map(async ({ origin }) => ({ origin, note: await memory.read(origin) })))
  }

  async #judge({ oldSize, proof }: AddCheckpoint, checkpoint: Checkpoint, note: OpenedNote): Promise<WitnessAnswer> {
    const { memory, cosigner } = this.#deps
    const { origin, size, root } = checkpoint
    const known = await this.#known(origin)
    const signed = `${note.text}\n${note.signatures.map(({ line }) => `${line}\n`).join('')}`
    if (oldSize > size) return { status: 400, why: 'The old size is beyond the new one.' }
    if (size === known.size && !root.equals(known.root))
      return { status: 409, size, why: `Another tree of ${size} entries was cosigned before.`, forked: signed }
    if (oldSize !== known.size) return { status: 409, size: known.size, why: `The tree cosigned last has ${known.size} entries.` }
    if (!verifyConsistency({ from: oldSize, to: size, fromRoot: known.root, toRoot: root, path: proof }))
      return { status: 422, why: `The proof does not show that the tree of ${size} entries begins with that of ${oldSize}.` }
    const lines = signatureLine(note.text, cosigner)
    await memory.write(origin, signed + lines)
    return { status: 200, lines, checkpoint }
  }

  async #known(origin: string): Promise<Pick<Checkpoint, 'size' | 'root'>> {
    const note = await this.#deps.memory.read(origin)
    if (note === undefined) return { size: 0, root: emptyRoot }
    // Its own signature tells that these are the bytes that it wrote.
    const { text } = openNote(note, [this.#deps.cosigner.verifierKey])
    const known = parseCheckpoint(text)
    if (known.origin !== origin) throw new TlogError(`What is kept of ${origin} is a checkpoint of ${known.origin}`)
    return known
  }

  #inTurn<T>(origin: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(origin) ?? Promise.resolve()).then(work)
    this.#turns.set(
      origin,
      turn.catch(() => {}),
    )
    return turn
  }
}

function attempt<T>(read: () => T): T | TlogError {
  try {
    return read()
  } catch (error) {
    if (error instanceof TlogError) return error
    throw error
  }
}
