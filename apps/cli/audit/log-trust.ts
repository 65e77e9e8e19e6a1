// Whose word a proof rests on: the keys that the caller names, else those that the broker shows. A broker that forges its log can show any
// key, so who wants more than a look names the key that was kept when there was no reason to doubt.

import { noteSignatureTypes, parseVerifierKey, type VerifierKey } from '#core/tlog/note.ts'
import { NotCosignedError, TlogError, UnknownSignerError } from '#core/tlog/tlog-error.ts'
import type { ProofTrust, ProvenEntry } from '#core/tlog/tlog-proof.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Context, Options } from '../command.ts'

export const trustOptions = {
  'log-key': {
    type: 'string',
    value: 'VKEY',
    many: true,
    summary: 'the key of the log, as it was kept; else the broker is asked for it',
  },
  witness: { type: 'string', value: 'VKEY', many: true, summary: 'the key of a witness that is trusted' },
  witnesses: { type: 'string', value: 'NUMBER', summary: 'how many of these must have cosigned; all of them if not given' },
} as const satisfies Options

export interface LogTrust extends ProofTrust {
  /** Where the log's key is from. */
  readonly source: 'given' | 'broker'
}

/** doing: the command's words. Throws UsageError for keys that are none, CliError where the broker must be asked and does not answer. */
export async function readTrust(context: Context, doing: string): Promise<LogTrust> {
  const { flags } = context
  const given = flags.all('log-key').map(text => readKey('log-key', text, noteSignatureTypes.ed25519))
  const witnessKeys = flags.all('witness').map(text => readKey('witness', text, noteSignatureTypes.cosignature))
  const witnessesNeeded = readCount(flags.text('witnesses'), witnessKeys.length)
  if (given.length > 0) return { source: 'given', logKeys: given, witnessKeys, witnessesNeeded }
  const { body } = await context.broker().call(doing, { method: 'GET', path: '/log/keys' })
  const shown = (Array.isArray(body['log']) ? body['log'] : []).map(text =>
    readKey('log-key', String(text), noteSignatureTypes.ed25519),
  )
  if (shown.length === 0)
    throw new CliError({ what: 'The broker shows no key of its log.', next: 'Name the key: --log-key VKEY' })
  return { source: 'broker', logKeys: shown, witnessKeys, witnessesNeeded }
}

export function readKey(flag: string, text: string, type: VerifierKey['type']): VerifierKey {
  try {
    const key = parseVerifierKey(text)
    if (key.type === type) return key
    throw new TlogError(`The key of ${key.name} is of the other kind: a log's is no witness's`)
  } catch (error) {
    if (error instanceof TlogError) throw new UsageError({ what: `--${flag} cannot be used.`, why: `${error.message}.` })
    throw error
  }
}

function readCount(text: string | undefined, witnesses: number): number {
  const count = text === undefined ? witnesses : Number(text)
  if (Number.isInteger(count) && count >= 0 && count <= witnesses) return count
  throw new UsageError({ what: `--witnesses ${text} cannot be used.`, why: `${witnesses} witnesses are named with --witness.` })
}

/** Says where trust was taken on the broker's word. */
export function tellSource({ print }: Context, { source, logKeys }: LogTrust, vkeys: readonly string[]): void {
  if (source === 'given' || logKeys.length === 0) return
  print.note(`The key of the log came from the broker itself. To hold it to that key from now on: --log-key '${vkeys[0]}'`)
}

/** Runs what may find that something does not hold; that becomes the answer. */
export function holds<T>(what: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    throw new CliError({ ...explain(what, error), why: `${error.message}.` })
  }
}

/** Only what does not hold is a reason for alarm. */
function explain(what: string, error: TlogError): { readonly what: string; readonly next: string } {
  if (error instanceof NotCosignedError)
    return {
      what: 'Not yet cosigned.',
      next: 'Nothing shows a change of the log. Ask again in a minute; if it stays so, mayfly log status says how far its witnesses are.',
    }
  if (error instanceof UnknownSignerError)
    return {
      what,
      next: 'Was its key rotated? mayfly log keys --log-key VKEY tells which key follows from the one that you keep.',
    }
  return { what, next: 'Keep what you have, and find out who changed it. docs/how-to/witness.md' }
}

/** Who cosigned, for answers. */
export const showWitnesses = ({ witnesses }: Pick<ProvenEntry, 'witnesses'>): { name: string; time: string }[] =>
  witnesses.map(({ name, timestamp = 0 }) => ({ name, time: new Date(timestamp * 1000).toISOString() }))
