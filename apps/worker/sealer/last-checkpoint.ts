// The last checkpoint, in a file outside database and tiles: whoever restores an old copy of either meets it.

import { openDiskStore } from '#apps/process/tiles/disk-store.ts'
import { type Checkpoint, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { type NoteSigner, type OpenedNote, openNote } from '#core/tlog/note.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'

export interface LastCheckpoint {
  /** The note; undefined before the first one. */
  read(): Promise<string | undefined>
  /** Durable when it resolves. */
  write(note: string): Promise<void>
}

/** folder: of the sealer's state; one file a shard. */
export function openLastCheckpoint(folder: string, shard: string): LastCheckpoint {
  const store = openDiskStore(folder)
  const path = `${shard}.checkpoint`
  return {
    read: async () => (await store.read(path))?.toString(),
    write: note => store.write(path, Buffer.from(note)),
  }
}

/** Throws TlogError when the note is not of that log and signed by one of its keys. */
export function openCheckpoint(
  note: string,
  origin: string,
  signers: readonly Pick<NoteSigner, 'verifierKey'>[],
): Checkpoint & OpenedNote {
  const opened = openNote(
    note,
    signers.map(({ verifierKey }) => verifierKey),
  )
  const checkpoint = parseCheckpoint(opened.text)
  if (checkpoint.origin !== origin) throw new TlogError(`The checkpoint is one of ${checkpoint.origin}`)
  return { ...checkpoint, ...opened }
}
