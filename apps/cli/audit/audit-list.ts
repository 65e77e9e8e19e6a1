// `mayfly audit list`: what the log says, by whatever is asked of it.

import { UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { agentNames, tableOfEvents, widthWithAccounts } from './event-text.ts'
import { filterFlags, filtersOf } from './filters.ts'
import { collect } from './pages.ts'

export const auditList: Command = {
  name: 'audit list',
  summary: 'Search the audit log, newest first',
  about: `All flags must hold. The log has every decision and every change, also of accounts that are long gone; that you read it is an entry too.
Who an entry is about stands in it sealed: --private shows it, as long as nobody was forgotten.`,
  options: {
    ...filterFlags,
    format: {
      type: 'string',
      value: 'FORMAT',
      summary: 'ocsf: a line of JSON for each, as schema.ocsf.io has it',
      choices: ['ocsf'],
    },
    oldest: { type: 'boolean', summary: 'oldest first' },
    private: { type: 'boolean', summary: 'also what is sealed: addresses, foreign subjects, what was asked' },
    all: { type: 'boolean', summary: 'every page; with --json a line of JSON for each' },
    limit: { type: 'string', value: 'N', summary: 'how many: 1 to 1000, else 50' },
    cursor: { type: 'string', value: 'CURSOR', summary: 'next_cursor of the page before' },
  },
  operations: ['GET /v1/audit'],
  examples: [
    {
      text: 'what was refused to an agent this week',
      command: 'mayfly audit list --agent nightly-report --decision deny --from 7d',
    },
    { text: 'what became of a token, and where it was asked for', command: 'mayfly audit list --jti at_… --private' },
    { text: 'who read the log', command: 'mayfly audit list --type "audit.*,audit_stream.opened"' },
    { text: 'for a SIEM', command: 'mayfly audit list --all --format ocsf --type "token.*" --from 7d' },
    { text: 'for a program, all of it', command: 'mayfly audit list --all --oldest --json' },
  ],
  run,
}

const mostItems = 1_000

async function run(context: Context): Promise<void> {
  const { flags, print } = context
  const query = {
    ...(await filtersOf(context, 'audit list')),
    ...(flags.has('oldest') && { order: 'oldest' }),
    ...(flags.has('private') && { private: 'open' }),
  }
  if (flags.text('format') !== undefined) return listOcsf(context, { ...query, format: 'ocsf' })
  if (flags.has('all')) return listAll(context, query)
  const wanted = { ...query, cursor: flags.text('cursor') }
  const { items, next, body } = await print.progress('Searching the log', () =>
    collect(context, 'audit list', '/v1/audit', wanted, limitOf(flags.text('limit'))),
  )
  const { complete_to, behind } = body
  if (print.json) return print.thing({ items, ...(next !== undefined && { next_cursor: next }), complete_to, behind })
  showEvents(context, items, await agentNames(context, 'audit list'))
  if (typeof behind === 'number' && behind > 0) print.note(`${behind} newer entries are being indexed; ask again in a moment.`)
  if (next !== undefined) print.note(`There are more: --all, or --cursor ${next}`)
}

function showEvents(
  { io, print, flags }: Context,
  items: Parameters<typeof tableOfEvents>[0],
  names: ReadonlyMap<string, string>,
): void {
  if (items.length === 0) {
    print.note('Nothing of that kind is in the log.')
    return
  }
  const { terminal, columns } = io
  print.table(tableOfEvents(items, names, terminal.out ? columns : undefined))
  if (terminal.out && columns < widthWithAccounts)
    print.note('Accounts and whole details: a wider terminal, --json, or mayfly audit show POSITION.')
  if (!flags.has('private')) return
  for (const item of items) if (item['private']) print.thing({ position: item['position'], private: item['private'] })
}

/** With --json too: an event of OCSF is JSON. */
async function listOcsf(context: Context, query: Record<string, string>): Promise<void> {
  const { flags, print } = context
  if (flags.has('all')) {
    for await (const event of context.broker().all('audit list', '/v1/audit', query)) print.jsonLine(event)
    return
  }
  const wanted = { ...query, cursor: flags.text('cursor') }
  const { items, next } = await collect(context, 'audit list', '/v1/audit', wanted, limitOf(flags.text('limit')))
  for (const event of items) print.jsonLine(event)
  if (next !== undefined) print.note(`There are more: --all, or --cursor ${next}`)
}

async function listAll(context: Context, query: Record<string, string>): Promise<void> {
  const { print } = context
  const names = await agentNames(context, 'audit list')
  const broker = context.broker()
  let any = false
  if (!print.json) {
    const items = await broker.everything('audit list', '/v1/audit', query)
    return showEvents(context, items, names)
  }
  for await (const item of broker.all('audit list', '/v1/audit', query)) {
    any = true
    print.jsonLine(item)
  }
  if (!any) print.note('Nothing of that kind is in the log.')
}

function limitOf(given: string | undefined): number {
  if (given === undefined) return 50
  const limit = Number(given)
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostItems) return limit
  throw new UsageError({ what: `--limit ${given} is no number from 1 to ${mostItems}.` })
}
