// What the outside knows of the log: the checkpoints that a sealer has left in its folder and in the tile store, held against the database.
// A backup that is restored takes neither of them back.
//
// Of the log as the database has it, both places are asked; a folder that somebody deleted then blinds nobody. And every other log
// that lies there is one that the database must know: one that it left behind at a restore. If it does not, it was restored again.

import { createPublicKey, type KeyObject } from 'node:crypto'
import { judgeLog, type LogJudgement, rootOfEntries } from '#core/restore/judge-log.ts'
import { type Checkpoint, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { noteSignatureTypes, openNote, parseNote, parseVerifierKey, verifierKeyOf } from '#core/tlog/note.ts'
import type { Database } from '#db/connect.ts'
import { findSealState, readLeaves, readLogHead } from '#db/log/seal.ts'
import {
  findRecordedRoot,
  type LogHead,
  listKnownShards,
  listSealerKeys,
  type SealedHead,
  type UnknownLog,
} from '#db/restore/forks.ts'
import { type CheckpointPlaces, readNotes } from './checkpoint-places.ts'

export interface EvidencePlaces extends CheckpointPlaces {
  /** The log's keys, in a process that has them, beside those that the database knows. */
  readonly logKeys?: readonly KeyObject[] | undefined
}

/** A checkpoint that nobody can verify. */
export interface Doubt {
  /** uuid */
  readonly shard: string
  /** A sentence. */
  readonly what: string
}

export interface Evidence extends LogJudgement {
  readonly head: LogHead
  /** Logs that were sealed by the same key and that the database does not know. */
  readonly unknown: readonly SealedHead[]
  /** Of the log, or of one that the database does not know. */
  readonly doubts: readonly Doubt[]
  /** Places that could not be asked though another one answered, each a sentence. */
  readonly unread: readonly string[]
  /** Nothing outside speaks of this log, though the database says that so many of its entries are sealed; 0: all is well. */
  readonly unprovenSize: number
}

/**
 * Throws BrokerError `internal` where the only place that knows of the log cannot be asked.
 *
 * The log may grow and be sealed meanwhile, and another process may begin a restore. So what the database has is read last: then it has
 * whatever lay outside before.
 */
export async function findEvidence(database: Pick<Database, 'sql'>, places: EvidencePlaces): Promise<Evidence> {
  const { sql } = database
  const { shard } = await readLogHead(sql)
  const { notes, unread } = await readNotes(places, shard, await listKnownShards(sql))
  const state = await findSealState(sql)
  const known = await listKnownShards(sql)
  const head = await readLogHead(sql)
  if (head.shard !== shard) return findEvidence(database, places)
  const verify = verifierOf([...(places.logKeys ?? []), ...(await readRecordedKeys(sql))])
  const doubts: Doubt[] = []
  const sealed: SealedHead[] = []
  for (const note of notes.filter(one => one.shard === shard || !known.has(one.shard)))
    try {
      const { size, root } = verify(note.shard, note.text)
      sealed.push({ shard: note.shard, size, root: root.toString('base64') })
    } catch (error) {
      const what = `The checkpoint of ${note.shard} in ${note.place} cannot be verified: ${(error as Error).message}.`
      doubts.push({ shard: note.shard, what })
    }
  const own = sealed.filter(one => one.shard === shard)
  const unknown = newestOf(sealed.filter(one => one.shard !== shard))
  const judgement = await judgeLog({
    head,
    sealed: own,
    unknown,
    recordedRoot: one => findRecordedRoot(sql, one),
    rootOf: size => rootOfEntries(size, (from, limit) => readLeaves(sql, from, limit)),
  })
  const isAsked = places.logState !== undefined || places.logTiles !== undefined
  const isUnproven = isAsked && state?.sealedShard === shard && own.length === 0
  return { head, ...judgement, unknown, doubts, unread, unprovenSize: isUnproven ? state.sealedSize : 0 }
}

/** What a restore has to know from here on, verified or not. */
export const logsToKnow = ({ head, unknown, doubts }: Evidence): UnknownLog[] => [
  ...unknown,
  ...doubts.flatMap(({ shard }) =>
    shard === head.shard || unknown.some(one => one.shard === shard) ? [] : [{ shard, size: null, root: null }],
  ),
]

/** The longest of each shard. */
function newestOf(heads: readonly SealedHead[]): SealedHead[] {
  const newest = new Map<string, SealedHead>()
  for (const head of heads) if (head.size >= (newest.get(head.shard)?.size ?? -1)) newest.set(head.shard, head)
  return [...newest.values()]
}

/**
 * Every key that ever signed, as the database has it. It may name one after another shard: it is the same key under another name. What is
 * none is passed over: processes may write there.
 */
const readRecordedKeys = async (sql: Database['sql']): Promise<KeyObject[]> =>
  (await listSealerKeys(sql)).flatMap(text => {
    try {
      const x = parseVerifierKey(text).publicKey.toString('base64url')
      return [createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })]
    } catch {
      return []
    }
  })

/** What opens a shard's checkpoint; that throws where it is not one of that shard and signed by one of the keys. */
function verifierOf(keys: readonly KeyObject[]): (shard: string, note: string) => Checkpoint {
  return (shard, note) => {
    const checkpoint = parseCheckpoint(parseNote(note).text)
    if (!checkpoint.origin.endsWith(`/log/${shard}`)) throw new Error(`it is of ${checkpoint.origin}`)
    if (keys.length === 0) throw new Error('the database knows no sealer')
    openNote(
      note,
      keys.map(key => verifierKeyOf(checkpoint.origin, noteSignatureTypes.ed25519, key)),
    )
    return checkpoint
  }
}
