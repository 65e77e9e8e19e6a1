// What a log signs, c2sp.org/tlog-checkpoint: whose log it is, how long, and the root over it.

import { hashBytes } from './hash.ts'
import { TlogError } from './tlog-error.ts'

export interface Checkpoint {
  /** Whose log: `<host>/log/<shard>`. */
  readonly origin: string
  /** How many entries. */
  readonly size: number
  /** RFC 6962 root over them, 32 bytes. */
  readonly root: Buffer
}

/** Name of the checkpoint in a store of tiles. */
export const checkpointPath = 'checkpoint'

/** The origin of a log: a restored database gets a new shard, so its log is another one. host: of the public URL, with its port if any. */
export const originOf = (host: string, shard: string): string => `${host}/log/${shard}`

/** The text of the note, three lines. */
export const formatCheckpoint = ({ origin, size, root }: Checkpoint): string => `${origin}\n${size}\n${root.toString('base64')}\n`

/** Reads the text of a note; extension lines are let pass. Throws TlogError. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', encoded = '', ...rest] = text.split('\n')
  const root = Buffer.from(encoded, 'base64')
  const isFit = origin !== '' && /^(0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(Number(size))
  if (!isFit || root.length !== hashBytes || root.toString('base64') !== encoded)
    throw new TlogError('A checkpoint has an origin, a size and a root')
  // Each line ends with a newline, so the last part is empty; extension lines before it are not.
  if (rest.at(-1) !== '' || rest.slice(0, -1).includes('')) throw new TlogError('A checkpoint has no empty lines')
  return { origin, size: Number(size), root }
}
