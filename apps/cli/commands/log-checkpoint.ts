// `mayfly log checkpoint`: what the log has signed last, and that it goes on from what was kept before. Run now and then by somebody who is
// not the broker's operator, it is what a witness does, for one.

import { existsSync } from 'node:fs'
import type { Checkpoint } from '#core/tlog/checkpoint.ts'
import { formatVerifierKey } from '#core/tlog/note.ts'
import { verifyConsistency } from '#core/tlog/proof.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import { type ProvenEntry, verifyCheckpoint } from '#core/tlog/tlog-proof.ts'
import { holds, type LogTrust, readTrust, showWitnesses, tellSource, trustOptions } from '../audit/log-trust.ts'
import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { readNamedFile, writePrivateFile } from '../config/private-file.ts'

const name = 'log checkpoint'

export const logCheckpoint: Command = {
  name,
  summary: 'Show the newest checkpoint, and prove that the log only grew since the last one kept',
  about: `The signed root of the whole log. With --keep FILE the one in the file is held against it: the log of then must be the beginning of
the log of now, proven here; then the new one takes its place. Kept where the broker's operator cannot reach, it shows any change of the past.`,
  options: {
    keep: { type: 'string', value: 'FILE', summary: 'the checkpoint that is kept; made where it is not there' },
    ...trustOptions,
  },
  operations: ['GET /v1/audit/consistency'],
  examples: [
    { text: 'each night, on a machine of your own', command: 'mayfly log checkpoint --keep mayfly.checkpoint' },
    {
      text: 'only what a witness has seen',
      command: "mayfly log checkpoint --keep mayfly.checkpoint --witness 'witness.example/w1+1a2b3c4d+BA…'",
    },
  ],
  run,
}

type Seen = Pick<ProvenEntry, 'checkpoint' | 'witnesses'>

async function run(context: Context): Promise<void> {
  const { flags, io, print } = context
  const trust = await readTrust(context, name)
  const keep = flags.text('keep')
  const file = keep === undefined ? undefined : resolvePath(io, keep)
  const keptNote = file !== undefined && existsSync(file) ? readNamedFile(file) : undefined
  // Whether witnesses had cosigned the older one is a question of then.
  const kept =
    keptNote === undefined
      ? undefined
      : holds(`${keep} is not believed.`, () => verifyCheckpoint(keptNote, { ...trust, witnessesNeeded: 0 }))
  const { note, seen } = await fetchNewest(context, trust, kept)
  if (file !== undefined) writePrivateFile(file, note)
  print.result(view(seen, kept), () =>
    [note.trimEnd(), ...(kept ? ['', `It goes on from the ${kept.checkpoint.size} entries of ${keep}.`] : [])].join('\n'),
  )
  tellSource(context, trust, trust.logKeys.map(formatVerifierKey))
}

/** The newest checkpoint, believed, and grown out of the one that was kept. Throws a CliError for any other. */
async function fetchNewest(
  context: Context,
  trust: LogTrust,
  kept: Seen | undefined,
): Promise<{ readonly note: string; readonly seen: Seen }> {
  const ask = (query: { readonly from: number; readonly to?: number }) =>
    context.broker().call(name, { method: 'GET', path: '/v1/audit/consistency', query })
  const note = String((await ask({ from: 0 })).body['checkpoint'])
  const seen = holds('The log is not believed.', () => {
    const newest = verifyCheckpoint(note, trust)
    if (kept) checkLonger(kept.checkpoint, newest.checkpoint)
    return newest
  })
  if (kept) {
    const [from, to] = [kept.checkpoint, seen.checkpoint]
    const { body } = await ask({ from: from.size, to: to.size })
    const path = (Array.isArray(body['path']) ? body['path'] : []).map(text => Buffer.from(String(text), 'base64'))
    holds('THE LOG HAS FORKED.', () => {
      if (!verifyConsistency({ from: from.size, to: to.size, fromRoot: from.root, toRoot: to.root, path }))
        throw new TlogError(`The log of ${to.size} entries does not begin with the ${from.size} that were kept`)
    })
  }
  return { note, seen }
}

/** Throws TlogError. */
function checkLonger(older: Checkpoint, newest: Checkpoint): void {
  if (older.origin !== newest.origin)
    throw new TlogError(
      `The one kept is of ${older.origin}, the newest of ${newest.origin}: the log began anew, as after a restored backup`,
    )
  if (older.size > newest.size) throw new TlogError(`It has ${newest.size} entries, and had ${older.size}`)
}

const view = (seen: Seen, kept: Seen | undefined) => ({
  origin: seen.checkpoint.origin,
  size: seen.checkpoint.size,
  root: seen.checkpoint.root.toString('base64'),
  witnesses: showWitnesses(seen),
  ...(kept && { grown_from: kept.checkpoint.size }),
})
