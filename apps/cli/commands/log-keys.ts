// `mayfly log keys`: who signs the log, and since when. Held to a key that was kept, which one follows from it: keys hand the log over to the
// next one by a note that they sign, so nobody has to take the broker's word for a new key.

import { followHandovers } from '#core/tlog/handover.ts'
import { formatVerifierKey } from '#core/tlog/note.ts'
import type { EarlierLog, LogKey, LogKeys } from '../audit/log-source.ts'
import { readKey } from '../audit/log-trust.ts'
import { CliError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { visibleLine } from '../output/visible.ts'

const name = 'log keys'

export const logKeys: Command = {
  name,
  summary: 'Show which keys sign the log, since when, and which one follows from a key that you keep',
  about: `The keys of the log, the newest first, and those of earlier logs that a restore has ended. With --log-key the key that you kept is
asked: only a key that it handed the log over to, by its own signature, is told you as its successor.`,
  options: { 'log-key': { type: 'string', value: 'VKEY', many: true, summary: 'the key of the log, as it was kept' } },
  examples: [
    { text: 'the key to keep, while there is no reason to doubt', command: 'mayfly log keys' },
    { text: 'the key to go on with after a rotation', command: "mayfly log keys --log-key 'broker.example/log/…+1a2b3c4d+AQ…'" },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { flags, print } = context
  const kept = flags.all('log-key').map(text => readKey('log-key', text, 1))
  const body = (await context.broker().call(name, { method: 'GET', path: '/log/keys' })).body as unknown as LogKeys
  const { origin, shard, log, witnesses, keys = [], earlier = [] } = body
  const goOnWith = kept.length > 0 ? successor(log, keys, kept) : undefined
  print.result({ origin, shard, log, witnesses, keys, earlier, ...(goOnWith !== undefined && { go_on_with: goOnWith }) }, () =>
    [...lines(origin, keys), ...earlier.flatMap(endedLines), ...(goOnWith === undefined ? [] : [``, `Go on with  ${goOnWith}`])]
      .map(visibleLine)
      .join('\n'),
  )
}

/** The newest key that follows from those that were kept. */
function successor(log: readonly string[], keys: readonly LogKey[], kept: Parameters<typeof followHandovers>[0]): string {
  const notes = keys.flatMap(({ handover }) => handover ?? [])
  const followed = followHandovers(kept, notes).map(formatVerifierKey)
  const newest = log.find(key => followed.includes(key))
  if (newest !== undefined) return newest
  throw new CliError({
    what: 'No key of this log follows from the one that you keep.',
    why: 'It signs nothing here, and has handed the log over to none of the keys that sign.',
    next: 'After a restored backup the log is another one; its operator has to tell you why. docs/how-to/witness.md',
  })
}

const lines = (origin: string, keys: readonly LogKey[]): string[] => [
  `Log         ${origin}`,
  ...keys.map(({ key, since, until }) => `Key         ${key}  since ${since}${until === undefined ? '' : `, until ${until}`}`),
]

const endedLines = ({ origin, keys }: EarlierLog): string[] => ['', ...lines(`${origin} (ended by a restore)`, keys)]
