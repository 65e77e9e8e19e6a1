// `mayfly log rotate-key`: changes the file of the log's keys, where the worker runs. A key is added before it takes over, and the old one
// goes on signing beside it: whoever holds the log to the old key goes on, and learns from it which key comes next.

import { makeLogKey, splitLogKeys } from '#core/tlog/log-keys.ts'
import { CliError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { findPrivateFile, writePrivateFile } from '../config/private-file.ts'

/** As many as a checkpoint can carry beside its witnesses without anybody having lost count. */
const keysMax = 4

export const logRotateKey: Command = {
  name: 'log rotate-key',
  summary: 'Put a new key before the log’s own in its file, or take the earlier ones out of it',
  about: `Works on the file that MAYFLY_LOG_KEY_FILE of the worker names. First without --finish: from the worker's next start the log is signed by
both keys, and the old one names the new one. When everybody who follows the log has moved: --finish, and start the worker again.
docs/how-to/rotate-keys.md`,
  arguments: [{ name: 'file', summary: 'the private keys of the log, PEM, 0600' }],
  options: { finish: { type: 'boolean', summary: 'leave only the newest key in it: the earlier ones sign no more' } },
  examples: [
    { text: 'begin', command: 'mayfly log rotate-key /etc/mayfly/log-key.pem' },
    { text: 'weeks later, when all have moved', command: 'mayfly log rotate-key /etc/mayfly/log-key.pem --finish' },
  ],
  run,
}

async function run({ io, flags, args, print }: Context): Promise<void> {
  const file = resolvePath(io, args['file']!)
  const keys = splitLogKeys(findPrivateFile(file) ?? '')
  if (keys.length === 0)
    throw new CliError({
      what: `${file} holds no private key, or something that is none.`,
      next: 'Name the file that MAYFLY_LOG_KEY_FILE names.',
    })
  const isFinish = flags.has('finish')
  if (isFinish && keys.length === 1) throw new CliError({ what: 'There is nothing to finish.', why: 'The file holds one key.' })
  if (!isFinish && keys.length >= keysMax)
    throw new CliError({ what: `The file holds ${keysMax} keys already.`, next: 'Finish an earlier rotation: --finish' })
  const next = isFinish ? keys.slice(0, 1) : [makeLogKey(), ...keys]
  writePrivateFile(file, next.join(''))
  print.result({ file, keys: next.length }, () =>
    isFinish
      ? 'Only the newest key signs from the next start of the worker on. Keep no copy of the others.'
      : 'Both keys sign from the next start of the worker on. Keep a copy of the file. Then: mayfly log keys',
  )
}
