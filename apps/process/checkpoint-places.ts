// The two places in which a sealer leaves checkpoints, to be read by others: the folder of its last one, `<shard>.checkpoint`, and the
// tile store, `<shard>/checkpoint`.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BrokerError } from '#core/errors/broker-error.ts'
import { checkpointPath } from '#core/tlog/checkpoint.ts'
import { listShards, openTileStore, type TileStoreSettings } from './tiles/open-tile-store.ts'

/** Where checkpoints lie; what is left out is not asked. */
export interface CheckpointPlaces {
  /** Folder in which the sealer keeps its last checkpoint. */
  readonly logState?: string | undefined
  /** Where the sealer publishes. */
  readonly logTiles?: TileStoreSettings | undefined
}

interface Place {
  readonly name: string
  readonly listShards: () => Promise<readonly string[]>
  /** Undefined where the shard has none there. */
  readonly read: (shard: string) => Promise<string | undefined>
}

const shardName = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function placesOf({ logState, logTiles }: CheckpointPlaces): Place[] {
  const places: Place[] = []
  if (logState !== undefined)
    places.push({
      name: logState,
      listShards: async () =>
        (await readdir(logState).catch(nothing([])))
          .filter(name => name.endsWith('.checkpoint'))
          .map(name => name.slice(0, -'.checkpoint'.length))
          .filter(name => shardName.test(name)),
      read: shard => readFile(join(logState, `${shard}.checkpoint`), 'utf8').catch(nothing(undefined)),
    })
  if (logTiles !== undefined) {
    const store = openTileStore(logTiles)
    places.push({
      name: 'the tile store',
      listShards: async () => (await listShards(logTiles)).filter(name => shardName.test(name)),
      read: async shard => (await store.read(`${shard}/${checkpointPath}`))?.toString(),
    })
  }
  return places
}

const nothing =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value
    throw error
  }

export interface FoundNote {
  /** uuid */
  readonly shard: string
  readonly text: string
  /** Where it lay. */
  readonly place: string
}

/**
 * Checkpoints of the shard `own`, and of whatever shard is not known. A place that fails is passed over where another one has one of `own`:
 * unread says why. Throws BrokerError `internal` where none has.
 */
export async function readNotes(
  settings: CheckpointPlaces,
  own: string,
  known: ReadonlySet<string>,
): Promise<{ readonly notes: readonly FoundNote[]; readonly unread: readonly string[] }> {
  const notes: FoundNote[] = []
  const failed: { readonly name: string; readonly cause: unknown }[] = []
  for (const { name, listShards, read } of placesOf(settings)) {
    try {
      const others = (await listShards()).filter(shard => !known.has(shard))
      const found = await Promise.all([own, ...others].map(async shard => ({ shard, text: await read(shard), place: name })))
      for (const { text, ...rest } of found) if (text !== undefined) notes.push({ ...rest, text })
    } catch (cause) {
      failed.push({ name, cause })
    }
  }
  const unread = failed.map(({ name, cause }) => `The sealer's last checkpoint cannot be read from ${name} (${reasonOf(cause)}).`)
  if (unread.length > 0 && !notes.some(({ shard }) => shard === own))
    throw new BrokerError('internal', { hint: unread.join('\n  '), cause: failed[0]!.cause })
  return { notes, unread }
}

const reasonOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? (error as Error).message
