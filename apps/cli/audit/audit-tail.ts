// `mayfly audit tail`: the log as it grows, for people, and for programs that must miss nothing.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError, systemCode, UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { findId } from '../v1/find-id.ts'
import { secondsOf } from '../v1/read-body.ts'
import { agentNames, storyLine } from './event-text.ts'
import { filterFlags } from './filters.ts'
import { followedLog, type LogLine } from './followed-log.ts'

const { account, agent, jti, actor, type, decision, reason } = filterFlags

export const auditTail: Command = {
  name: 'audit tail',
  summary: 'Show the log as it grows',
  about: `It begins a quarter of an hour ago, or where --from or --after says, and with -f goes on until Ctrl-C, whatever happens to the connection.
With --json each line has a cursor; --after goes on behind it, with nothing left out and nothing told twice. --cursor-file keeps it for you.`,
  options: {
    follow: { type: 'boolean', short: 'f', summary: 'go on when the end of the log is reached' },
    after: { type: 'string', value: 'CURSOR', summary: 'go on behind this line; start: from the first entry' },
    from: { type: 'string', value: 'TIME', summary: 'nothing older: 2026-11-23T08:00:00Z, or 2h, 7d ago' },
    'cursor-file': { type: 'string', value: 'FILE', summary: 'go on where this file says, and keep it up to date' },
    ...({ type, decision, agent, account, jti, actor, reason } as Command['options']),
    leaf: { type: 'boolean', summary: 'also the exact leaf, with --json' },
    format: {
      type: 'string',
      value: 'FORMAT',
      summary: 'ocsf: a line of JSON for each, as schema.ocsf.io has it',
      choices: ['ocsf'],
    },
  },
  operations: ['GET /v1/audit/stream'],
  examples: [
    { text: 'what happens now', command: 'mayfly audit tail -f' },
    { text: 'all refusals of an agent', command: 'mayfly audit tail -f --agent nightly-report --decision deny' },
    {
      text: 'into another system, across restarts',
      command: 'mayfly audit tail -f --json --after start --cursor-file siem.cursor',
    },
  ],
  run,
}

const standardBegin = '15m'

async function run(context: Context): Promise<void> {
  const { flags, print, io } = context
  const file = flags.text('cursor-file')
  const kept = file === undefined ? undefined : resolve(io.cwd, file)
  const query = await queryOf(context, kept)
  const names = await agentNames(context, 'audit tail')
  const follow = flags.has('follow')
  const connection = context.connection()
  let beforeMs: number | undefined
  let shown = 0
  for await (const line of followedLog({
    ...{ connection, doing: 'audit tail', query, signal: io.signal, follow },
    onBroken: why => print.note(`${why}; it goes on where it was.`),
  })) {
    if (line.heartbeat === undefined) {
      beforeMs = show(context, line, names, beforeMs)
      shown += 1
    }
    // After it was written: what is kept was seen.
    if (kept !== undefined) keepCursor(kept, line.cursor)
  }
  if (shown === 0 && !follow) print.note('Nothing of that kind has happened.')
}

function show({ print, io }: Context, line: LogLine, names: ReadonlyMap<string, string>, beforeMs: number | undefined): number {
  const atMs = Date.parse(String(line['time']))
  if (line['ocsf'] !== undefined) print.jsonLine(line['ocsf'])
  else if (print.json) print.jsonLine(line)
  else io.out(`${storyLine(print.paint, line, names, beforeMs === undefined ? undefined : Math.max(atMs - beforeMs, 0))}\n`)
  return atMs
}

async function queryOf(context: Context, kept: string | undefined): Promise<Record<string, string>> {
  const { flags } = context
  const query: Record<string, string> = {
    follow: String(flags.has('follow')),
    ...(flags.has('leaf') && { leaf: 'true' }),
    ...(flags.text('format') !== undefined && { format: flags.text('format')! }),
    ...beginOf(context, kept),
  }
  for (const name of ['type', 'decision', 'account', 'jti', 'actor', 'reason']) {
    const given = flags.text(name)
    if (given !== undefined) query[name] = given
  }
  const agentName = flags.text('agent')
  if (agentName === undefined) return query
  const part = { parameter: 'id', argument: 'agent', within: '/v1/agents', by: ['name'] }
  return { ...query, agent: await findId(context.broker(), 'audit tail', part, agentName) }
}

function beginOf({ flags, io }: Context, kept: string | undefined): Record<string, string> {
  const [after, from] = [flags.text('after'), flags.text('from')]
  if (after !== undefined && from !== undefined)
    throw new UsageError({ what: '--after and --from say both where to begin.', next: 'Leave one out.' })
  if (kept !== undefined && existsSync(kept)) return { after: readCursor(kept) }
  if (after !== undefined) return { after }
  const begin = from ?? standardBegin
  if (!/^\d{1,9}[smhdw]$/.test(begin)) return { from: begin }
  return { from: new Date(io.nowMs() - secondsOf('from', begin) * 1_000).toISOString() }
}

function readCursor(file: string): string {
  const text = readFileSync(file, 'utf8').trim()
  if (/^[A-Za-z0-9_-]{1,200}$/.test(text)) return text
  throw new CliError({
    what: `${file} holds no cursor.`,
    why: 'It is not what mayfly audit tail writes.',
    next: 'Name another file, or delete it to begin anew.',
  })
}

function keepCursor(file: string, cursor: string): void {
  try {
    writeFileSync(`${file}.new`, `${cursor}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  } catch (error) {
    throw new CliError({ what: `${file} cannot be written.`, why: `The system says ${systemCode(error) ?? 'no'}.` })
  }
}
