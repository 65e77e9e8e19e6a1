// `mayfly audit trail`: the life of an account as a story, also long after it was collected.

import type { Thing } from '../broker/broker.ts'
import type { Command, Context } from '../command.ts'
import { safeJson, visibleLine } from '../output/visible.ts'
import { findId } from '../v1/find-id.ts'
import { agentNames, spanText, storyLine, timeText } from './event-text.ts'
import { collect } from './pages.ts'

export const auditTrail: Command = {
  name: 'audit trail',
  summary: 'Tell the whole life of an account',
  about:
    'From the log alone: who opened it, what it was given and refused, who claimed or ended it, what was torn down; its ancestors and children.',
  arguments: [{ name: 'account', summary: 'its id' }],
  options: {
    family: { type: 'boolean', summary: 'also what befell its ancestors and all below it' },
    private: { type: 'boolean', summary: 'also what is sealed: addresses, foreign subjects, what was asked' },
    limit: { type: 'string', value: 'N', summary: 'how many events at most; else 1000' },
    tenant: { type: 'string', value: 'ID', summary: 'whose log, where you see more than one tenant' },
  },
  operations: ['GET /v1/accounts/{id}/trail'],
  examples: [
    { text: 'from its opening to its end', command: 'mayfly audit trail acct_…' },
    { text: 'with all that worked for it', command: 'mayfly audit trail acct_… --family' },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { print, args, flags } = context
  const id = await findId(context.broker(), 'audit trail', { parameter: 'id', argument: 'account' }, args['account']!)
  const path = `/v1/accounts/${encodeURIComponent(id)}/trail`
  const query = {
    tenant: flags.text('tenant'),
    ...(flags.has('family') && { family: 'with' }),
    ...(flags.has('private') && { private: 'open' }),
  }
  const wanted = Math.max(1, Number(flags.text('limit') ?? 1_000) || 1_000)
  const { items, next, body } = await print.progress('Reading its trail', () =>
    collect(context, 'audit trail', path, query, wanted),
  )
  const { account, ancestors, descendants, complete_to, behind } = body
  if (print.json) {
    print.thing({ account, ancestors, descendants, items, ...(next !== undefined && { next_cursor: next }), complete_to, behind })
    return
  }
  const names = await agentNames(context, 'audit trail')
  print.result(body, () => [...headLines(context, body, names), '', ...story(context, items, names, id)].join('\n'))
  if (next !== undefined) print.note('There is more: --limit shows it.')
}

function headLines({ print }: Context, body: Thing, names: ReadonlyMap<string, string>): string[] {
  const { account, ancestors, descendants } = body as { account: Thing; ancestors: Thing[]; descendants: Thing[] }
  const line = (relative: Thing): string => {
    const { account: id, agent, opened_at, ended_at, ended_by } = relative as Record<string, string | undefined>
    const span = opened_at && ended_at ? ` after ${spanText(Date.parse(ended_at) - Date.parse(opened_at))}` : ''
    const end = ended_by ? `${ended_by.replace('account.', '')} ${timeText(ended_at)}${span}` : 'not ended'
    return visibleLine(`${id}  ${names.get(agent ?? '') ?? agent ?? ''}  opened ${timeText(opened_at)}, ${end}`)
  }
  return [
    ...ancestors.map((each, at) => print.paint.dim(`${'  '.repeat(at)}${line(each)}`)),
    `${'  '.repeat(ancestors.length)}${print.paint.bold(line(account))}`,
    ...descendants.map(each => print.paint.dim(`${'  '.repeat(ancestors.length + Number(each['distance']))}${line(each)}`)),
  ]
}

function story({ print }: Context, items: readonly Thing[], names: ReadonlyMap<string, string>, id: string): string[] {
  return items.flatMap((event, at) => {
    const before = items[at - 1]
    const since = before && Date.parse(String(event['time'])) - Date.parse(String(before['time']))
    const whose =
      event['account'] !== undefined && event['account'] !== id ? [print.paint.dim(`  of ${String(event['account'])}`)] : []
    const hidden = event['private'] ? [print.paint.dim(`    ${safeJson(event['private'], 0)}`)] : []
    return [storyLine(print.paint, event, names, since) + whose.join(''), ...hidden]
  })
}
