// `mayfly audit proof`: that a token, or whatever else was logged, is in the log, proven here.

import { formatVerifierKey } from '#core/tlog/note.ts'
import { parseTlogProof, type TlogProof, verifyTlogProof } from '#core/tlog/tlog-proof.ts'
import { holds, type LogTrust, readTrust, showWitnesses, tellSource, trustOptions } from '../audit/log-trust.ts'
import { checkReceipt, type Receipt, readReceipt } from '../audit/receipt.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { readNamedFile, writePrivateFile } from '../config/private-file.ts'
import { visibleLine } from '../output/visible.ts'
import { readSource } from '../v1/read-body.ts'

const name = 'audit proof'
/** The sealer works each second. */
const waitMs = 15_000

export const auditProof: Command = {
  name,
  summary: 'Prove that a token’s issuance, or any entry, is in the log',
  about: `Takes the broker's proof and verifies it here: the path from the entry to the root, the log's signature on that root, the signatures
of the witnesses that you name. Of a token also that its receipt (evt) is that entry, and that its claims are the ones that were logged; whether
it is signed and still good mayfly explain says. With --proof nobody is asked: a proof that was kept is as good in ten years.`,
  arguments: [{ name: 'entry', summary: 'position or id of an entry, or the id of a token (at_…)', optional: true }],
  options: {
    token: { type: 'string', value: 'FILE', summary: 'the token that stands in a file; - is standard input' },
    out: { type: 'string', value: 'FILE', summary: 'keep the proof, as c2sp.org/tlog-proof' },
    proof: {
      type: 'string',
      value: 'FILE',
      summary: 'verify a proof that was kept; nobody is asked where --log-key is given too',
    },
    ...trustOptions,
  },
  operations: ['GET /v1/audit/{entry}/proof'],
  examples: [
    { text: 'the receipt of a token', command: 'mayfly token | mayfly audit proof --token -' },
    { text: 'keep it for later', command: 'mayfly audit proof --token leaked.jwt --out leaked.tlog-proof' },
    {
      text: 'years later, without a broker',
      command: "mayfly audit proof --token leaked.jwt --proof leaked.tlog-proof --log-key 'broker.example/log/…+1a2b3c4d+AQ…'",
    },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { flags, args, io, print } = context
  const tokenFile = flags.text('token')
  const kept = flags.text('proof')
  if (tokenFile !== undefined && args['entry'] !== undefined)
    throw new UsageError({ what: 'Name a token or an entry.', why: 'Both were given.' })
  if (tokenFile === undefined && args['entry'] === undefined && kept === undefined)
    throw new UsageError({ what: 'Whose proof?', next: 'mayfly audit proof ENTRY, or --token FILE' })
  const receipt = tokenFile === undefined ? undefined : readReceipt((await readSource(context, tokenFile)).trim())
  const trust = await readTrust(context, name)
  const text =
    kept === undefined ? await fetchProof(context, receipt?.jti ?? args['entry']!) : readNamedFile(resolvePath(io, kept))
  const shown = holds('This is not proven.', () => verify(text, trust, receipt, kept === undefined ? args['entry'] : undefined))
  const out = flags.text('out')
  // A proof names nobody, and yet it says when something happened: it is its holder's.
  if (out !== undefined) writePrivateFile(resolvePath(io, out), text)
  print.result({ ...shown, log_key: trust.source, ...(out !== undefined && { file: out }) }, () =>
    linesOf(shown, trust, out).join('\n'),
  )
  tellSource(context, trust, trust.logKeys.map(formatVerifierKey))
}

/** Waits for the sealer where the entry is new. */
async function fetchProof(context: Context, entry: string): Promise<string> {
  const { io, print } = context
  const path = `/v1/audit/${encodeURIComponent(entry)}/proof`
  const untilMs = io.nowMs() + waitMs
  return print.progress('Waiting for the seal', async () => {
    for (;;) {
      try {
        const { body } = await context.broker().call(name, { method: 'GET', path })
        return String(body['proof'])
      } catch (error) {
        const isNew = error instanceof CliError && error.failure.code === 'entry_not_sealed' && io.nowMs() < untilMs
        if (!isNew) throw error
        io.signal.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 500))
      }
    }
  })
}

function verify(text: string, trust: LogTrust, receipt: Receipt | undefined, asked: string | undefined) {
  const proof = parseTlogProof(text)
  const entry = entryOf(proof)
  const proven = verifyTlogProof(proof, { entry: proof.extra! }, trust)
  if (receipt) checkReceipt(receipt, entry)
  const facts = JSON.parse(entry) as Readonly<Record<string, unknown>>
  if (asked !== undefined && ![String(proof.index), facts['id'], facts['token']].includes(asked))
    throw new CliError({ what: 'This is not proven.', why: 'The broker answered with the proof of another entry.' })
  const { origin, size, root } = proven.checkpoint
  return {
    position: proof.index,
    origin,
    size,
    root: root.toString('base64'),
    entry: facts,
    ...(receipt && { token: receipt.jti, receipt: receipt.evt }),
    witnesses: showWitnesses(proven),
  }
}

function entryOf({ extra }: TlogProof): string {
  if (extra) return extra.toString('utf8')
  throw new CliError({
    what: 'This proof does not hold its entry.',
    next: 'Ask the broker for one that does: mayfly audit proof ENTRY --out FILE',
  })
}

function linesOf(shown: ReturnType<typeof verify>, { source }: LogTrust, out: string | undefined): string[] {
  const { entry } = shown
  const rows: (readonly [string, unknown])[] = [
    ['Proven', `entry ${shown.position} of ${shown.size} in ${shown.origin}`],
    ['Type', entry['type']],
    ['Time', new Date(Number(entry['time'])).toISOString()],
    ['Agent', wireId('agt', entry['agent'])],
    ['Account', wireId('acct', entry['account'])],
    [
      'Token',
      shown.token === undefined ? entry['token'] : `${shown.token}: its receipt is this entry, its claims are the ones logged`,
    ],
    ['Signed', `by the log (${source === 'given' ? 'the key that you named' : 'the key that the broker shows'})`],
    ...shown.witnesses.map(({ name: who, time }) => ['Cosigned', `by ${who} at ${time}`] as const),
    ['Kept', out],
  ]
  return rows
    .filter(([, value]) => value !== undefined)
    .map(([label, value]) => visibleLine(`${label.padEnd(9)} ${String(value)}`))
}

/** Entries name things by their bare uuids. */
const wireId = (prefix: string, uuid: unknown): string | undefined =>
  typeof uuid === 'string' ? `${prefix}_${uuid.replaceAll('-', '')}` : undefined
