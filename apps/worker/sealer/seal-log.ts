// One round of sealing: what came into the log since the last checkpoint goes into tiles, and a checkpoint over all of it is signed.
//
// Two histories must never be signed, whatever is restored, edited, or started twice. So before it signs, a sealer claims the place
// after the last checkpoint: `next/<size>` in the tile store, which can be made once only, says which tree comes after the one of that
// size. Whoever finds the place taken signs that very tree or nothing. Claims make a chain, so checkpoints do.
//
// Order: claim, tiles, signature, the file outside, the database, the published checkpoint. A crash between any two is made good by the
// next round: what is written twice is the same. No tile is written before the claim, or who comes second to a place would leave its own
// history's tiles there.

import { type Checkpoint, checkpointPath, formatCheckpoint, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { leafHash } from '#core/tlog/hash.ts'
import { formatVerifierKey, type NoteSignature, parseNote, signNote } from '#core/tlog/note.ts'
import { consistencyProof } from '#core/tlog/proof.ts'
import { createTileReader } from '#core/tlog/read-tiles.ts'
import { findSealState, keepCheckpoint, readLeaves, readLogHead } from '#db/log/seal.ts'
import { type Cosign, type WitnessState, withoutWitnesses } from './cosign.ts'
import { keepLogSigners } from './keep-signers.ts'
import { openCheckpoint } from './last-checkpoint.ts'
import { appendEntries, type LogDeps, type OpenLog, openLog } from './open-log.ts'
import { SealFault } from './seal-fault.ts'

export interface SealLogDeps extends LogDeps {
  readonly cosign?: Cosign
}

export interface SealRound {
  readonly shard: string
  readonly origin: string
  readonly verifierKey: string
  /** How many entries are sealed now, and how many of them by this round. */
  readonly size: number
  readonly sealed: number
  /** As they are known behind this round; undefined: another sealer is further. */
  readonly witnesses: readonly WitnessState[] | undefined
}

/** A round takes no more at a time: its tiles wait in memory for the claim. */
const entriesPerRound = 65_536
/** Claims that stay behind, so that a sealer that slept finds them; it looks at the checkpoint before it believes its own. */
const claimsKept = 600

export class LogSealer {
  readonly #deps: SealLogDeps
  #log: OpenLog | undefined
  #shard = ''
  /** Paths of claims of this shard, oldest first. */
  #claims: string[] = []

  constructor(deps: SealLogDeps) {
    this.#deps = deps
  }

  /** The log as it stands, if it has been opened. */
  get log(): OpenLog | undefined {
    return this.#log
  }

  /** Begins anew with the next round: another one may have sealed meanwhile. */
  forget(): void {
    this.#log = undefined
  }

  /** Throws SealFault when what is there does not go on from what was signed; anything else that failed is worth another try. */
  async round(): Promise<SealRound> {
    try {
      return await this.#round()
    } catch (error) {
      // The tree in memory may be ahead of what the database turns out to have.
      this.forget()
      throw error
    }
  }

  async #round(): Promise<SealRound> {
    const { sql } = this.#deps
    // The claim comes first: what it was made over was committed before, so a head that is read after it is not shorter.
    const claim = this.#log && (await readClaim(this.#log))
    const head = await readLogHead(sql)
    if (this.#log?.shard !== head.shard) {
      this.forget()
      if (this.#shard !== head.shard) this.#claims = []
      this.#shard = head.shard
      const log = await openLog(this.#deps, head.shard, head.size)
      await keepLogSigners(sql, log)
      this.#log = log
      return this.#round()
    }
    const log = this.#log
    const from = log.signed?.size ?? 0
    if (head.size < from) throw new SealFault('short', `${from} entries are sealed, the database has only ${head.size} now.`)
    if (claim && claim.size > head.size)
      throw new SealFault('forked', `Another sealer claims ${claim.size} entries, the database has ${head.size}.`)
    const target = claim?.size ?? Math.min(head.size, from + entriesPerRound)
    await checkLastEntry(this.#deps, log)
    if (log.signed && target === from) {
      return this.#done(log, from, await this.#complete(log))
    }
    if (target < log.tree.size) {
      this.forget()
      return this.#round()
    }
    await appendEntries(sql, log.tree, target)
    const next: Checkpoint = { origin: log.origin, size: target, root: log.tree.root() }
    if (!(await this.#claim(log, next, claim))) {
      this.forget()
      return this.#round()
    }
    await log.tree.write(log.store)
    const witnesses = await this.#sign(log, next)
    return this.#done(log, from, witnesses)
  }

  /** False: somebody else came first, or is further. Throws SealFault when the place is taken by another history. */
  async #claim(log: OpenLog, next: Checkpoint, seen: Checkpoint | undefined): Promise<boolean> {
    const path = claimPath(log)
    const text = formatCheckpoint(next)
    const isOurs = seen === undefined && (await log.store.create(path, Buffer.from(text)))
    const claim = isOurs ? next : (seen ?? (await readClaim(log)))
    if (claim === undefined || claim.size !== next.size) return false
    if (!claim.root.equals(next.root))
      throw new SealFault('forked', `Another history of ${next.size} entries was sealed than the one of this database.`)
    const published = await readPublished(log)
    if (published && published.size > next.size) {
      if (isOurs) await log.store.remove(path)
      return false
    }
    this.#claims.push(path)
    return true
  }

  async #sign(log: OpenLog, next: Checkpoint): Promise<readonly WitnessState[]> {
    const { sql } = this.#deps
    const { note, witnesses } = await this.#makeNote(log, next, [])
    await log.outside.write(note)
    const verifierKey = newestKey(log)
    const state = await findSealState(sql)
    const after = state?.sealedShard === log.shard ? state.sealedSize : 0
    const outcome = await keepCheckpoint(sql, after, { ...next, shard: log.shard, note, verifierKey })
    if (outcome !== 'kept' && !(outcome === 'raced' && after >= next.size))
      throw new Error(`The checkpoint of ${next.size} entries was not kept: ${outcome}`)
    await log.store.write(checkpointPath, Buffer.from(note))
    log.signed = next
    await log.tree.dropPartials(log.store)
    while (this.#claims.length > claimsKept) await log.store.remove(this.#claims.shift()!)
    return witnesses
  }

  /** Signed by every key of the log, then by its witnesses. known: signatures that this checkpoint has already. */
  async #makeNote(
    log: OpenLog,
    checkpoint: Checkpoint,
    known: readonly NoteSignature[],
  ): Promise<{ readonly note: string; readonly witnesses: readonly WitnessState[] }> {
    const { cosign = withoutWitnesses } = this.#deps
    const own = signNote(formatCheckpoint(checkpoint), log.signers)
    const ids = new Set(log.signers.map(({ verifierKey }) => verifierKey.keyId))
    const others = known.filter(({ keyId }) => !ids.has(keyId))
    const readHash = createTileReader(checkpoint.size, path => log.store.read(path))
    const { lines, witnesses } = await cosign({
      checkpoint,
      note: own,
      without: others.map(({ keyId }) => keyId),
      prove: oldSize => consistencyProof(oldSize, checkpoint.size, readHash),
    })
    return { note: own + others.map(({ line }) => `${line}\n`).join('') + lines.join(''), witnesses }
  }

  /**
   * The last checkpoint, while nothing is new. Where a crash left the published one behind, or somebody put an older one there, it is put right;
   * and who has not signed it yet does so now: a key that came in, a witness that was named just now or was away.
   */
  async #complete(log: OpenLog): Promise<readonly WitnessState[] | undefined> {
    const signed = log.signed!
    const published = (await log.store.read(checkpointPath))?.toString()
    if (published !== undefined && openCheckpoint(published, log.origin, log.signers).size > signed.size) return undefined
    const outside = await log.outside.read()
    const same = [published, outside].flatMap(note => (note === undefined ? [] : [parseNote(note)]))
    const known = same.find(({ text }) => text === formatCheckpoint(signed))
    const { note, witnesses } = await this.#makeNote(log, signed, known?.signatures ?? [])
    if (outside !== note) await log.outside.write(note)
    if (published !== note) await log.store.write(checkpointPath, Buffer.from(note))
    return witnesses
  }

  #done(log: OpenLog, from: number, witnesses: readonly WitnessState[] | undefined): SealRound {
    const { shard, origin } = log
    const size = log.signed?.size ?? 0
    return { shard, origin, verifierKey: newestKey(log), size, sealed: size - from, witnesses }
  }
}

const newestKey = ({ signers }: OpenLog): string => formatVerifierKey(signers[0]!.verifierKey)

const claimPath = ({ signed }: OpenLog): string => `next/${signed ? signed.size : 'first'}`

async function readClaim(log: OpenLog): Promise<Checkpoint | undefined> {
  const text = await log.store.read(claimPath(log))
  return text && parseCheckpoint(text.toString())
}

async function readPublished(log: OpenLog): Promise<Checkpoint | undefined> {
  const note = await log.store.read(checkpointPath)
  return note && openCheckpoint(note.toString(), log.origin, log.signers)
}

/** A database that was exchanged for an older or another one has another entry at the end of what is in the tree, or none. */
async function checkLastEntry({ sql }: SealLogDeps, { tree }: OpenLog): Promise<void> {
  if (!tree.lastLeaf) return
  const [entry] = await readLeaves(sql, tree.size - 1, 1)
  if (!entry || !leafHash(entry).equals(tree.lastLeaf))
    throw new SealFault('edited', `Entry ${tree.size - 1} is not the one that was sealed.`)
}
